"""The typical depth of each place in the images of a camera."""

from collections.abc import Iterable

import torch
import torch.nn.functional as F
from torch import Tensor


def typical_depth(maps: Iterable[Tensor], grid: tuple[int, int]) -> Tensor:
    """The mean depth in each cell of a grid over the image, averaged with its mirror image.

    A cell without a reading, such as in the sky, takes the value of the nearest cell below it that has one, or else
    above it.

    Args:
        maps: Depth maps (1, H, W) in metres that show the same part of a camera's view; 0 is invalid.
        grid: (rows, columns).

    Returns:
        (rows, columns), metres.

    Raises:
        ValueError: No map has a valid reading.
    """
    total, count = torch.zeros(1, *grid), torch.zeros(1, *grid)
    for depth in maps:
        valid = depth.isfinite() & (depth > 0)
        share = F.adaptive_avg_pool2d(valid.float(), grid)
        total += F.adaptive_avg_pool2d(depth.float().masked_fill(~valid, 0), grid)
        count += share
    total, count = total + total.flip(-1), count + count.flip(-1)
    if not count.any():
        raise ValueError("the typical depth is unknown: no depth map has a valid reading.")
    mean = torch.where(count > 0, total / count.clamp(min=torch.finfo(count.dtype).tiny), 0)[0]
    known = count[0] > 0
    if not known.any(0).all():  # a column without any reading takes the mean of the row, or of everything
        rows = torch.where(known.any(1), (mean * known).sum(1) / known.sum(1).clamp(min=1), mean[known].mean())
        mean = torch.where(known.any(0)[None], mean, rows[:, None])
        known = known | ~known.any(0)[None]
    for order in (range(len(mean) - 2, -1, -1), range(1, len(mean))):  # from below, then from above
        for row in order:
            source = row + 1 if order.step < 0 else row - 1
            fill = ~known[row] & known[source]
            mean[row] = torch.where(fill, mean[source], mean[row])
            known[row] |= fill
    return mean
