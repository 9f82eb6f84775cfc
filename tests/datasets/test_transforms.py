import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from torchvision import tv_tensors

from mtl_plugins.datasets import DataError, PackSample, Pipeline
from mtl_plugins.registry import TRANSFORMS
from mtl_plugins.structures import DepthMap, Intrinsics, NormalMap


def make_sample(size=(24, 32)):
    rng = np.random.default_rng(0)
    normals = torch.nn.functional.normalize(torch.randn(3, *size), dim=0)
    return dict(
        img=tv_tensors.Image(torch.from_numpy(rng.integers(0, 256, (3, *size), dtype=np.uint8))),
        semseg=tv_tensors.Mask(torch.from_numpy(rng.integers(0, 5, (1, *size), dtype=np.uint8))),
        depth=DepthMap(torch.rand(1, *size) + 1),
        normals=NormalMap(normals),
        intrinsics=Intrinsics((30, 30, 15, 12), canvas_size=size),
        meta=dict(img_path="a.png", sample_idx=0),
    )


def build(type, **kwargs):
    return TRANSFORMS.build(dict(type=type, **kwargs))


sizes = st.tuples(st.integers(4, 40), st.integers(4, 40))


@given(size=sizes, seed=st.integers(0, 99))
@settings(max_examples=40, deadline=None)
def test_random_crop_pads_with_void(size, seed):
    torch.manual_seed(seed)
    sample = make_sample()
    out = build("RandomCrop", size=size)(sample)
    for key in ("img", "semseg", "depth", "normals"):
        assert out[key].shape[-2:] == size and type(out[key]) is type(sample[key])
    assert out["intrinsics"].canvas_size == size
    inside = out["depth"][0] > 0
    assert inside.sum() == min(size[0], 24) * min(size[1], 32), "no pixel of the image is lost for padding"
    assert (out["semseg"][0][~inside] == 255).all() and (out["semseg"][0][inside] < 5).all()
    assert (out["normals"][:, ~inside] == 0).all()
    assert (out["img"][:, ~inside] == torch.tensor([124, 116, 104], dtype=torch.uint8)[:, None]).all()


def test_random_crop_reaches_every_position():
    torch.manual_seed(0)
    crop = build("RandomCrop", size=(22, 34))
    cameras = {tuple(crop(make_sample())["intrinsics"].tolist()[2:]) for _ in range(200)}
    assert cameras == {(15 + right, 12 - down) for right in (0, 1, 2) for down in (0, 1, 2)}


@given(factor=st.floats(0.5, 3), seed=st.integers(0, 9))
@example(factor=0.99, seed=0)  # the size and therefore the tensor stay the same, which must not be modified
@settings(max_examples=20, deadline=None)
def test_random_zoom_divides_depth(factor, seed):
    torch.manual_seed(seed)
    sample = make_sample()
    out = build("RandomZoom", scale=(factor, factor), p=1.0)(sample)
    assert out["img"].shape[-2:] == (round(24 * factor), round(32 * factor)) == out["semseg"].shape[-2:]
    assert sample["depth"].min() / factor * 0.999 <= out["depth"].min() <= out["depth"].max()
    assert out["depth"].max() <= sample["depth"].max() / factor * 1.001
    torch.testing.assert_close(out["normals"].norm(dim=0), torch.ones(out["normals"].shape[-2:]))


def test_probability_and_range_of_zoom_and_rotation():
    torch.manual_seed(0)
    sample = make_sample()
    zooms = [build("RandomZoom", scale=(1.2, 1.8), p=0.5)(sample)["img"].shape[-1] / 32 for _ in range(300)]
    applied = [z for z in zooms if z != 1]
    assert 0.4 < len(applied) / 300 < 0.6 and min(applied) > 1.17 and max(applied) < 1.83
    assert max(applied) - min(applied) > 0.5
    turned = [build("RandomRotation", degrees=10, p=0.5)(sample)["img"] is not sample["img"] for _ in range(200)]
    assert 70 < sum(turned) < 130


def test_rotation_fills_corners_with_void():
    sample = make_sample((32, 32))
    out = build("RandomRotation", degrees=(45, 45), p=1.0)(sample)
    assert out["semseg"][0, 0, 0] == 255 and out["depth"][0, 0, 0] == 0 and (out["normals"][:, 0, 0] == 0).all()
    assert out["img"][:, 0, 0].tolist() == [124, 116, 104]
    assert set(out["semseg"].unique().tolist()) <= {0, 1, 2, 3, 4, 255}


def test_a_subclass_of_mask_is_filled_with_void():
    class Parts(tv_tensors.Mask):
        pass

    sample = dict(img=make_sample()["img"], parts=Parts(torch.zeros(1, 24, 32, dtype=torch.uint8)))
    assert set(build("RandomCrop", size=(40, 40))(sample)["parts"].unique().tolist()) == {0, 255}


def test_resize_keeps_metres_and_masks_on_the_maps():
    sample = make_sample()
    sample["depth"] = DepthMap(sample["semseg"].float() + 1)
    out = build("Resize", size=(9, 13))(sample)
    assert torch.equal(out["depth"], out["semseg"] + 1.0), "mask and map take the same pixels"
    assert out["img"].shape == (3, 9, 13) and out["intrinsics"].canvas_size == (9, 13)


def test_a_sparse_resize_keeps_all_readings():
    sample = make_sample()
    sample["depth"] = DepthMap(torch.zeros(1, 24, 32))
    sample["depth"][0, 5, 7] = 4.0  # nearest-neighbour resizing to a third does not read this pixel
    assert not build("Resize", size=(8, 11))(sample)["depth"].any()
    out = build("Resize", size=(8, 11), sparse=True)(sample)
    assert type(out["depth"]) is DepthMap and out["depth"].shape == (1, 8, 11) and out["depth"][0, 1, 2] == 4
    assert out["img"].shape == (3, 8, 11) and out["semseg"].shape == (1, 8, 11)


def test_resize_input_keeps_labels_and_prediction_size():
    packed = Pipeline([dict(type="ResizeInput", size=(12, 16)), dict(type="PackSample")])(make_sample())
    sample = packed["data_samples"]
    assert packed["inputs"].shape == (3, 12, 16) and sample.img_shape == (12, 16)
    assert sample.ori_shape == (24, 32) and sample.gt.depth.shape == (1, 24, 32)
    assert sample.intrinsics == (30, 30, 15, 12)
    assert packed["inputs"].is_contiguous(memory_format=torch.channels_last) or packed["inputs"].stride(-3) == 1


def test_packing_wrong_sizes_and_types_raises():
    sample = make_sample()
    with pytest.raises(ValueError, match=r"depth label .*\(12, 32\).*\(24, 32\).*a.png"):
        PackSample()(dict(sample, depth=DepthMap(torch.ones(1, 12, 32))))
    with pytest.raises(ValueError, match="uint8.*float32.*normalises"):
        PackSample()(dict(sample, img=tv_tensors.Image(sample["img"].float())))


def test_a_plain_tensor_raises():
    sample = dict(make_sample(), saliency=torch.zeros(1, 24, 32))
    for transform in (Pipeline([]), PackSample()):
        with pytest.raises(TypeError, match=r"sample\['saliency'\] is a Tensor.*Mask.*DenseMap"):
            transform(sample)


def test_images_without_labels_and_meta_pass_every_transform():
    pipeline = Pipeline(
        [
            dict(type="RandomZoom", p=1.0),
            dict(type="RandomRotation", degrees=20, p=1.0),
            dict(type="RandomCrop", size=(20, 20)),
            dict(type="RandomMirror", p=1.0),
            dict(type="PackSample"),
        ]
    )
    packed = pipeline(dict(img=make_sample()["img"], meta=dict(img_path="a.png", note=torch.Size([2, 3]))))
    assert list(packed["data_samples"].gt.keys()) == []
    assert packed["inputs"].shape == (3, 20, 20)


@pytest.mark.parametrize("container", ["RandomApply", "RandomChoice", "RandomOrder", "Compose"])
def test_containers_accept_configs(container):
    inner = [dict(type="RandomMirror", p=1.0), dict(type="RandomHorizontalFlip", p=1.0)]
    kwargs = dict(p=1.0) if container == "RandomApply" else {}
    sample = make_sample()
    out = build(container, transforms=inner, **kwargs)(sample)
    mirrored = sample["img"].flip(-1) if container == "RandomChoice" else sample["img"]
    assert torch.equal(out["img"], mirrored)


@pytest.mark.parametrize("name", ["RandAugment", "AutoAugment", "FiveCrop", "MixUp", "Normalize"])
def test_transforms_that_separate_image_and_labels_are_not_registered(name):
    assert name not in TRANSFORMS.module_dict


@pytest.mark.parametrize(
    "config, message",
    [
        (dict(type="RandomZoom", scale=(2, 1)), "scale=.2, 1."),
        (dict(type="RandomCrop", size=(0, 4)), "size must be .H, W."),
        (dict(type="RandomRotation", degrees=(5, 1)), "degrees"),
    ],
)
def test_invalid_settings(config, message):
    with pytest.raises(ValueError, match=message):
        TRANSFORMS.build(config)


def test_panoptic_labels_are_made_from_classes_and_instances():
    sample = make_sample()
    sample["instances"] = tv_tensors.Mask((sample["semseg"] > 2).int() * 7)
    sample["semseg"][:, 0] = 255
    ids = build("PanopticFromInstances")(sample)["panoptic"]
    assert type(ids) is tv_tensors.Mask and ids.dtype == torch.int32 and (ids[:, 0] == 255).all()
    classes = sample["semseg"][:, 1:].int()
    assert torch.equal(
        ids[:, 1:].as_subclass(torch.Tensor), (classes * 1000 + (classes > 2) * 7).as_subclass(torch.Tensor)
    )
    out = build("PanopticFromInstances")(sample)
    assert set(out) == {"img", "depth", "normals", "intrinsics", "meta", "panoptic"}
    assert {"semseg", "instances"} < set(build("PanopticFromInstances", keep=True)(sample))
    del sample["instances"]
    assert "panoptic" not in build("PanopticFromInstances")(sample)


def test_too_many_instances_name_the_image():
    sample = make_sample() | dict(instances=tv_tensors.Mask(torch.full((1, 24, 32), 1000, dtype=torch.int32)))
    with pytest.raises(DataError, match="a.png: instances are numbered 0 to 999"):
        build("PanopticFromInstances")(sample)
