import copy
import pickle

import pytest
import torch
from torchvision import tv_tensors
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional as F

from mtl_plugins.datasets.transforms import Pipeline
from mtl_plugins.structures import DenseMap, DepthMap, ImageLabel, Intrinsics, NormalMap, zoom

from .scenes import two_planes

LABELS = ("semseg", "depth", "normals", "pixels", "intrinsics")


@pytest.fixture
def sample():
    return two_planes(24, 32, (30.0, 30.0, 17.0, 11.0), ((0.2, 0.1), (-0.4, 0.0)))


@pytest.mark.parametrize("flip", [F.horizontal_flip, F.vertical_flip])
def test_mirroring_twice_is_the_identity(sample, flip):
    for key, value in sample.items():
        once = flip(value)
        assert type(once) is type(value)
        assert not torch.equal(once, value), key
        assert torch.equal(flip(once), value), key


def test_mirroring_negates_x_and_rotation_rotates_xy(sample):
    right = NormalMap(torch.tensor([1.0, 0.0, 0.0]).view(3, 1, 1).expand(3, 4, 4))
    assert F.horizontal_flip(right)[:, 0, 0].tolist() == [-1, 0, 0]
    assert F.vertical_flip(right)[:, 0, 0].tolist() == [1, 0, 0]
    # a quarter turn counter-clockwise rotates right to up, and y points down
    torch.testing.assert_close(F.rotate(right, 90)[:, 0, 0], torch.tensor([0.0, -1.0, 0.0]), atol=1e-6, rtol=0)


def test_zoom_by_two_pinned():
    depth = zoom(DepthMap(torch.full((1, 3, 4), 5.0)), 2.0)
    assert type(depth) is DepthMap and depth.shape == (1, 6, 8) and (depth == 2.5).all()
    normal = zoom(NormalMap(torch.tensor([0.6, 0.0, -0.8]).view(3, 1, 1)), 2.0)[:, 0, 0]
    torch.testing.assert_close(normal, torch.nn.functional.normalize(torch.tensor([0.6, 0.0, -1.6]), dim=0))
    assert (zoom(NormalMap(torch.zeros(3, 2, 2)), 1.7) == 0).all()
    camera = zoom(Intrinsics((100, 110, 1.5, 1.0), canvas_size=(3, 4)), 2.0)
    assert camera.tolist() == [100, 110, 3.5, 2.5] and camera.canvas_size == (6, 8)


def test_labels_are_not_interpolated(sample):
    ids = tv_tensors.Mask(torch.tensor([[[0, 7], [7, 255]]], dtype=torch.uint8))
    assert set(zoom(ids, 1.7).unique().tolist()) == {0, 7, 255}
    two_values = DepthMap(torch.tensor([[[1.0, 9.0], [9.0, 1.0]]]))
    for out in (F.resize(two_values, [7, 9]), F.rotate(two_values, 30, interpolation=v2.InterpolationMode.BILINEAR)):
        assert set(out.unique().tolist()) <= {0.0, 1.0, 9.0}


@pytest.mark.parametrize("mode", ["reflect", "edge", "constant"])
def test_pixels_outside_the_image_are_invalid_for_any_fill(sample, mode):
    for key in ("depth", "normals", "pixels"):
        padded = F.pad(sample[key], [2, 2, 2, 2], fill=7, padding_mode=mode)
        assert (padded[..., :2, :] == 0).all() and (padded[..., -2:] == 0).all()


PHOTOMETRIC = [
    v2.ColorJitter(0.5, 0.5, 0.5, 0.2),
    v2.RandomPhotometricDistort(p=1),
    v2.GaussianBlur(3),
    v2.RandomGrayscale(p=1),
    v2.RandomEqualize(p=1),
    v2.JPEG(20),
    v2.RandomInvert(p=1),
    v2.ToDtype(torch.float32, scale=True),
]


@pytest.mark.parametrize("transform", PHOTOMETRIC, ids=lambda t: type(t).__name__)
def test_photometric_transforms_do_not_change_labels(sample, transform):
    out = transform(sample)
    assert not torch.equal(out["img"], sample["img"])
    for key in set(LABELS) - {"semseg" if isinstance(transform, v2.ToDtype) else None}:
        assert type(out[key]) is type(sample[key])
        assert torch.equal(out[key], sample[key]), key


@pytest.mark.parametrize("key", ["depth", "normals", "intrinsics"])
@pytest.mark.parametrize(
    "transform",
    [v2.RandomPerspective(p=1), v2.ElasticTransform(), v2.FiveCrop(8), v2.RandomAffine(0, shear=20)],
    ids=lambda t: type(t).__name__,
)
def test_impossible_transforms_raise(sample, key, transform):
    torch.manual_seed(0)
    with pytest.raises(TypeError, match=type(sample[key]).__name__):
        transform(dict(img=sample["img"], label=sample[key]))


def test_zoom_of_a_plain_tensor_raises():
    with pytest.raises(TypeError, match="DenseMap"):
        zoom(torch.zeros(1, 4, 4), 2.0)


@pytest.mark.parametrize("kind, shape", [(DepthMap, (3, 4, 4)), (NormalMap, (1, 4, 4)), (DenseMap, (4, 4))])
def test_a_wrong_shape_raises(kind, shape):
    with pytest.raises(ValueError, match=rf"{kind.__name__} must be .* but the shape is .{shape[0]}"):
        kind(torch.zeros(shape))


def test_a_user_defined_subclass_is_transformed():
    class Height(DenseMap):
        channels = 1

    height = Height(torch.arange(6.0).view(1, 2, 3))
    mirrored = v2.RandomHorizontalFlip(p=1)(dict(img=tv_tensors.Image(torch.zeros(3, 2, 3)), height=height))["height"]
    assert type(mirrored) is Height
    assert torch.equal(mirrored, height.flip(-1))


@pytest.mark.parametrize("copier", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x)), lambda x: x.clone()])
def test_copies_of_intrinsics_keep_the_image_size(copier):
    camera = Intrinsics([[50.0, 0, 20], [0, 51, 15], [0, 0, 1]], canvas_size=(30, 40))
    copied = copier(camera)
    assert isinstance(copied, Intrinsics) and copied.canvas_size == (30, 40)
    assert copied.tolist() == [50, 51, 20, 15]
    assert "canvas_size=(30, 40)" in repr(copied)
    with pytest.raises(ValueError, match="fx, fy, cx, cy"):
        Intrinsics([1.0, 2.0], canvas_size=(30, 40))


def test_an_image_label_stays_unchanged_in_every_geometric_transform():
    label = ImageLabel(torch.tensor([3]))
    sample = dict(img=tv_tensors.Image(torch.zeros(3, 20, 24, dtype=torch.uint8)), scene=label)
    transforms = [
        dict(type="RandomCrop", size=(16, 32)),
        dict(type="RandomRotation", degrees=(5, 5), p=1.0),
        dict(type="RandomZoom", scale=(1.2, 1.4)),
        dict(type="RandomMirror", p=1.0),
        dict(type="Resize", size=(8, 8)),
        dict(type="RandomResizedCrop", size=(6, 6)),
    ]
    moved = Pipeline(transforms)(sample)
    assert type(moved["scene"]) is ImageLabel and moved["scene"].tolist() == [3] and moved["img"].shape == (3, 6, 6)
    assert F.crop(label, 0, 0, 2, 2) is label
