"""Restricting depth to a range."""

import torch
from torch import Tensor


def mask_depth_range(depth: Tensor, depth_range: tuple[float, float] | None) -> Tensor:
    """Set readings outside a range to 0 (invalid).

    Args:
        depth: Metres, any shape.
        depth_range: The smallest and the largest valid depth in metres, both inclusive. None keeps all readings.

    Examples:
        >>> mask_depth_range(torch.tensor([0.5, 1.0, 90.0]), (1, 80)).tolist()
        [0.0, 1.0, 0.0]
    """
    if depth_range is None:
        return depth
    low, high = depth_range
    return torch.where((depth >= low) & (depth <= high), depth, 0.0)
