"""Edge labels that are made from other labels."""

import numpy as np
import pytest
import torch
from torchvision import tv_tensors

from mtl_plugins.functional.edges import class_edges, depth_edges, label_boundaries, thin
from mtl_plugins.registry import TRANSFORMS
from mtl_plugins.structures import DepthMap, EdgeMap, NormalMap


def sample(height=12, width=16):
    """Two classes, void in the lowest rows; a near object at the left, without a reading in the first column."""
    ids = torch.zeros(1, height, width, dtype=torch.uint8)
    ids[..., 8:] = 3
    ids[:, -3:] = 255
    depth = torch.full((1, height, width), 2.0)
    depth[..., :4] = 1.0
    depth[..., 0] = 0
    return dict(
        img=tv_tensors.Image(torch.zeros(3, height, width, dtype=torch.uint8)),
        semseg=tv_tensors.Mask(ids),
        depth=DepthMap(depth),
        instances=tv_tensors.Mask((ids == 3).to(torch.int32) * 300),
        meta={},
    )


def edges(**config):
    return TRANSFORMS.build(dict(type="EdgesFromLabels", **config))(sample())


def test_borders_between_classes_without_void():
    label = edges()["edge"]
    assert type(label) is EdgeMap and label.shape == (1, 12, 16)
    assert label[0, :-3].nonzero()[:, 1].unique().tolist() == [7]
    assert label[0, -3:].isnan().all() and (label[0, -4] == 0).sum() == 15


def test_borders_of_instances():
    label = edges(source="instances")["edge"]
    assert label.isfinite().all() and label[0, -4, 8:].all()  # instances have no void


def test_jumps_of_the_depth_belong_to_the_nearer_pixel():
    label = edges(source="depth")["edge"]
    assert label[0, :, 0].isnan().all() and label[0, 5].nonzero().flatten().tolist()[1:] == [3]
    assert edges(source="depth", depth_ratio=2.5)["edge"].nan_to_num().sum() == 0


def test_several_sources_are_merged():
    label = edges(source=["semseg", "depth"])["edge"]
    assert label[0, 5].nonzero().flatten().tolist() == [3, 7]
    assert label[0, 5, 0] == 0, "one source has a label"
    assert label[0, -1, 0].isnan(), "no source has one"
    assert label[0, -1, 3] == 1


def test_samples_without_a_source_get_no_label():
    assert "edge" not in edges(source="parts")
    assert edges(source=["parts", "semseg"], task="border")["border"].nansum() > 0


@pytest.mark.parametrize("seed", range(3))
def test_without_void_the_edges_are_those_of_the_benchmark(seed):
    ids = np.random.default_rng(seed).integers(0, 3, (5, 7)).repeat(4, 0).repeat(4, 1).astype(np.uint8)
    # in the last row and column, the benchmark has the same neighbours
    np.testing.assert_array_equal(class_edges(ids) == 1, label_boundaries(ids))
    made = TRANSFORMS.build(dict(type="EdgesFromLabels"))(dict(semseg=tv_tensors.Mask(torch.from_numpy(ids)[None])))
    np.testing.assert_array_equal(made["edge"][0].numpy() == 1, thin(label_boundaries(ids)))
    assert (depth_edges(ids * 0.01 + 1.0, ratio=1.5) == 0).all()


def test_wrong_options_and_sources_raise():
    for options in (dict(source=[]), dict(depth_ratio=1.0)):
        with pytest.raises(ValueError, match="at least one source and a depth_ratio above 1"):
            TRANSFORMS.build(dict(type="EdgesFromLabels", **options))
    normals = dict(normals=NormalMap(torch.zeros(3, 4, 4)))
    with pytest.raises(TypeError, match="'normals' is a NormalMap"):
        TRANSFORMS.build(dict(type="EdgesFromLabels", source="normals"))(normals)
