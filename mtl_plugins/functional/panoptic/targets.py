"""What Panoptic-DeepLab learns about instances: a heat map of their centres, and offsets to them."""

import torch
from torch import Tensor

from .segment_ids import split_segments


def instance_targets(ids: Tensor, sigma: float) -> tuple[Tensor, Tensor, Tensor]:
    """Compute the targets of Panoptic-DeepLab (Cheng et al., CVPR 2020) from maps of segment ids.

    The centre of an instance is the mean position of its pixels.

    Args:
        ids: Ids of segments, integers (N, 1, H, W); see `join_segments`.
        sigma: Standard deviation of the Gaussian at each centre, as a share of the larger side of the image.

    Returns:
        The heat map, float32 (N, 1, H, W), 1 at centres and the largest of the Gaussians elsewhere; the offsets from
        each pixel to the centre of its instance, float32 (N, 2, H, W), rows as a share of H and columns of W; and a
        mask of the pixels that belong to an instance, bool (N, 1, H, W). Other offsets are 0.
    """
    height, width = ids.shape[-2:]
    rows = torch.arange(height, device=ids.device, dtype=torch.float32)
    columns = torch.arange(width, device=ids.device, dtype=torch.float32)
    things = split_segments(ids)[1] > 0
    heat = torch.zeros(ids.shape, device=ids.device)
    offsets = torch.zeros((len(ids), 2, height, width), device=ids.device)
    variance = 2 * (sigma * max(height, width)) ** 2
    for n in range(len(ids)):
        inside = things[n, 0]
        _, segment = ids[n, 0][inside].unique(return_inverse=True)
        if not segment.numel():
            continue
        y, x = (places.to(torch.float32) for places in inside.nonzero(as_tuple=True))
        pixels = torch.bincount(segment).to(torch.float32)
        centre_y, centre_x = (torch.bincount(segment, weights=places) / pixels for places in (y, x))
        offsets[n, 0][inside] = (centre_y[segment] - y) / height
        offsets[n, 1][inside] = (centre_x[segment] - x) / width
        # the nearest pixel of each centre has the value 1
        down = torch.exp(-((rows - centre_y.round()[:, None]) ** 2) / variance)
        across = torch.exp(-((columns - centre_x.round()[:, None]) ** 2) / variance)
        heat[n, 0] = (down[:, :, None] * across[:, None]).amax(0)
    return heat, offsets, things
