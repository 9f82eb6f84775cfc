"""Edges stay thin and connected in every transform."""

import numpy as np
import pytest
import torch
from scipy import ndimage
from torchvision import tv_tensors
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional as F

from mtl_plugins.datasets.transforms import RandomCrop
from mtl_plugins.functional import resize_edges
from mtl_plugins.structures import EdgeMap, zoom


def circle(size=64):
    """A thin circle: pixels that differ from their right or lower neighbour."""
    y, x = np.mgrid[:size, :size]
    disc = (y - size / 2) ** 2 + (x - size / 2) ** 2 < (size / 3) ** 2
    edges = np.zeros((size, size), np.float32)
    edges[:-1][disc[:-1] != disc[1:]] = 1
    edges[:, :-1][disc[:, :-1] != disc[:, 1:]] = 1
    return EdgeMap(edges[None])


@pytest.mark.parametrize("size", [(20, 20), (32, 32), (19, 27), (50, 13)])
def test_a_line_stays_connected_and_thin(size):
    small = F.resize(circle(), list(size))
    assert type(small) is EdgeMap and small.shape == (1, *size) and set(small.unique().tolist()) == {0, 1}
    _, parts = ndimage.label(small[0].numpy(), np.ones((3, 3)))
    assert parts == 1
    inside = ~small[0].numpy().astype(bool)
    assert ndimage.label(inside)[1] == 2  # the circle is closed
    assert small.sum() < 1.1 * 4 * sum(size) / 3  # the perimeter of the square around the circle
    nearest = F.resize(circle().as_subclass(torch.Tensor), list(size), F.InterpolationMode.NEAREST_EXACT)
    assert small.sum() > nearest.sum()


def test_straight_lines_keep_their_width_and_place():
    edges = torch.zeros(1, 240, 320)
    edges[0, :, 100] = 1
    expected = torch.zeros(1, 72, 96)
    expected[0, :, 30] = 1  # (100 + 0.5) * 0.3
    assert torch.equal(resize_edges(edges, (72, 96)), expected)


def test_the_same_size_and_a_larger_one():
    edges = circle()
    assert torch.equal(F.resize(edges, [64, 64]), edges)
    larger = F.resize(edges, [128, 128])
    assert torch.equal(larger, edges.repeat_interleave(2, -1).repeat_interleave(2, -2))
    assert torch.equal(zoom(edges, 2.0), larger)
    assert zoom(edges, 0.5).shape == (1, 32, 32)


def test_pixels_without_a_label_stay_without():
    edges = torch.zeros(1, 4, 4)
    edges[0, :2] = torch.nan
    edges[0, 0, 0] = 1
    small = resize_edges(edges, (2, 2))
    assert small[0, 0, 0] == 1 and small[0, 0, 1].isnan() and (small[0, 1] == 0).all()


def test_pixels_from_outside_have_no_label():
    edges = circle()
    padded = F.pad(edges, [3, 0, 0, 2], fill=0)
    assert type(padded) is EdgeMap and padded[..., :3].isnan().all() and padded[..., -2:, :].isnan().all()
    assert torch.equal(padded[..., :-2, 3:], edges)
    turned = F.rotate(edges, 45)
    assert turned[0, 0, 0].isnan() and turned[0, 32].isfinite().all() and (turned == 1).any()
    crop = RandomCrop(80)(dict(img=tv_tensors.Image(torch.zeros(3, 64, 64)), edge=edges))["edge"]
    assert crop.shape == (1, 80, 80) and crop.isnan().sum() == 80 * 80 - 64 * 64


def test_other_geometric_transforms_keep_the_type():
    sample = dict(img=tv_tensors.Image(torch.zeros(3, 64, 64, dtype=torch.uint8)), edge=circle())
    for transform in (
        v2.RandomHorizontalFlip(1),
        v2.RandomResizedCrop(24),
        v2.RandomPerspective(p=1),
        v2.CenterCrop(9),
    ):
        out = transform(sample)["edge"]
        assert type(out) is EdgeMap and out.shape[-2:] == transform(sample)["img"].shape[-2:]
    assert torch.equal(F.horizontal_flip(circle()), circle().flip(-1))


def test_several_channels_raise():
    with pytest.raises(ValueError, match="EdgeMap must be"):
        EdgeMap(torch.zeros(2, 4, 4))
