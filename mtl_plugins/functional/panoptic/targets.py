"""What Panoptic-DeepLab learns about instances: a heat map of their centres, and offsets to them."""

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from .segment_ids import split_segments


def centre_heat_map(ids: Tensor, sigma: float) -> Tensor:
    """The heat map of the instances' centres of Panoptic-DeepLab (Cheng et al., CVPR 2020).

    The centre of an instance is the mean position of its pixels.

    Args:
        ids: Ids of segments, integers (N, 1, H, W); see `join_segments`.
        sigma: Standard deviation of the Gaussian at each centre, as a share of the larger side of the image.

    Returns:
        float32 (N, 1, H, W), 1 at centres and the largest of the Gaussians elsewhere.
    """
    height, width = ids.shape[-2:]
    rows = torch.arange(height, device=ids.device, dtype=torch.float32)
    columns = torch.arange(width, device=ids.device, dtype=torch.float32)
    heat = torch.zeros(ids.shape, device=ids.device)
    variance = 2 * (sigma * max(height, width)) ** 2
    for n, instances in _instances(ids):
        # the nearest pixel of each centre has the value 1
        down = torch.exp(-((rows - instances.centre_y.round()[:, None]) ** 2) / variance)
        across = torch.exp(-((columns - instances.centre_x.round()[:, None]) ** 2) / variance)
        heat[n, 0] = (down[:, :, None] * across[:, None]).amax(0)
    return heat


def instance_offsets(ids: Tensor) -> tuple[Tensor, Tensor]:
    """The offsets from the pixels of instances to their centres, see `centre_heat_map`.

    Args:
        ids: As for `centre_heat_map`.

    Returns:
        float32 (N, 2, H, W), rows as a share of H and columns of W, and a mask of the pixels that belong to an
        instance, bool (N, 1, H, W). Other offsets are 0.
    """
    height, width = ids.shape[-2:]
    offsets = torch.zeros((len(ids), 2, height, width), device=ids.device)
    for n, (inside, segment, y, x, centre_y, centre_x) in _instances(ids):
        offsets[n, 0][inside] = (centre_y[segment] - y) / height
        offsets[n, 1][inside] = (centre_x[segment] - x) / width
    return offsets, _of_instances(ids)


class _Instances(NamedTuple):
    """The P pixels of the I instances of an image."""

    inside: Tensor  # bool (H, W)
    segment: Tensor  # number of each pixel's instance, (P,)
    y: Tensor  # (P,)
    x: Tensor
    centre_y: Tensor  # (I,)
    centre_x: Tensor


def _instances(ids: Tensor) -> Iterator[tuple[int, _Instances]]:
    """Index and instances of each image that has any."""
    things = _of_instances(ids)
    for n in range(len(ids)):
        inside = things[n, 0]
        _, segment = ids[n, 0][inside].unique(return_inverse=True)
        if segment.numel():
            y, x = (places.to(torch.float32) for places in inside.nonzero(as_tuple=True))
            pixels = torch.bincount(segment).to(torch.float32)
            centre_y, centre_x = (torch.bincount(segment, weights=places) / pixels for places in (y, x))
            yield n, _Instances(inside, segment, y, x, centre_y, centre_x)


def _of_instances(ids: Tensor) -> Tensor:
    return split_segments(ids)[1] > 0
