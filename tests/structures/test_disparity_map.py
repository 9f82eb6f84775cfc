"""A disparity map moves with the image as 1 / depth does."""

import pytest
import torch
from torchvision import tv_tensors
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional as F

from mtl_plugins.structures import DepthMap, zoom
from mtl_plugins.structures.disparity_map import DisparityMap

MOVES = {
    "horizontal_flip": F.horizontal_flip,
    "crop": lambda x: F.crop(x, -2, 3, 9, 12),
    "resize": lambda x: F.resize(x, [30, 17]),
    "resized_crop": lambda x: F.resized_crop(x, 2, 3, 8, 9, [11, 12]),
    "pad": lambda x: F.pad(x, [1, 2, 3, 4], fill=9),
    "rotate": lambda x: F.rotate(x, 20.0),
    "affine": lambda x: F.affine(x, 10.0, [2, -1], 1.4, [0, 0]),
    "zoom in": lambda x: zoom(x, 1.7),
    "zoom out": lambda x: zoom(x, 0.6),
}


@pytest.fixture
def depth():
    torch.manual_seed(0)
    depth = torch.rand(1, 24, 32) * 50 + 1
    depth[:, :4, :4] = 0
    return depth


@pytest.mark.parametrize("move", MOVES)
def test_disparity_remains_the_reciprocal_of_depth(depth, move):
    disparity = torch.where(depth > 0, 1 / depth, 0)
    moved_depth, moved = MOVES[move](DepthMap(depth)), MOVES[move](DisparityMap(disparity))
    assert type(moved) is DisparityMap and moved.shape == moved_depth.shape
    moved_depth, moved = (x.as_subclass(torch.Tensor) for x in (moved_depth, moved))
    assert torch.equal(moved > 0, moved_depth > 0)
    torch.testing.assert_close(moved, torch.where(moved_depth > 0, 1 / moved_depth, 0))


@pytest.mark.parametrize(
    "transform",
    [v2.RandomPerspective(p=1), v2.ElasticTransform(), v2.FiveCrop(8), v2.RandomAffine(0, shear=20)],
    ids=lambda t: type(t).__name__,
)
def test_impossible_transforms_raise(depth, transform):
    torch.manual_seed(0)
    with pytest.raises(TypeError, match="DisparityMap"):
        transform(dict(img=tv_tensors.Image(torch.zeros(3, 24, 32)), label=DisparityMap(depth)))


def test_a_wrong_shape_raises():
    with pytest.raises(ValueError, match="DisparityMap must be .* but the shape is"):
        DisparityMap(torch.zeros(2, 4, 4))
