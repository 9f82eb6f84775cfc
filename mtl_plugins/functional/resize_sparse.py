"""Resizing sparse depth maps without losing their readings."""

from collections.abc import Sequence

import torch
from torch import Tensor


def resize_sparse(depth: Tensor, size: Sequence[int]) -> Tensor:
    """Resize sparse depth: each reading moves to the pixel that contains its place.

    Of several readings in a pixel, the nearest to the camera counts. Nearest-neighbour resizing drops most readings
    of a laser scanner instead: at half the size, three of four.

    Args:
        depth: (1, H, W), metres; 0 is invalid.
        size: The new (H, W).

    Returns:
        (1, *size), metres; 0 in pixels without a reading.

    Examples:
        >>> resize_sparse(torch.tensor([[[0.0, 7.0, 0.0, 0.0], [5.0, 0.0, 0.0, 9.0]]]), (1, 2))
        tensor([[[5., 9.]]])
    """
    height, width = size
    _, rows, columns = depth.nonzero(as_tuple=True)
    readings = depth[0, rows, columns]
    # the centre of pixel i is at (i + 0.5) / old; integers keep the place exact
    row = (2 * rows + 1) * height // (2 * depth.shape[-2])
    column = (2 * columns + 1) * width // (2 * depth.shape[-1])
    resized = depth.new_full((height * width,), torch.inf)
    resized.scatter_reduce_(0, row * width + column, readings, "amin")
    return resized.masked_fill_(resized.isinf(), 0).view(1, height, width)
