"""Resizing thin edges without losing or breaking them."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor


def resize_edges(edges: Tensor, size: Sequence[int]) -> Tensor:
    """Resize edges: a pixel is an edge if it contains the centre of an edge pixel.

    Lines stay connected and about one pixel wide when they shrink. Nearest-neighbour resizing drops most pixels of a
    line instead, and averaging makes soft values. Along an axis that grows, the nearest pixel counts. A pixel without
    an edge has no label if the nearest pixel has none.

    Args:
        edges: (1, H, W), 1 for an edge, 0 for none, NaN for no label.
        size: The new (H, W).

    Returns:
        (1, *size).

    Examples:
        >>> resize_edges(torch.tensor([[[0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0]]]), (1, 2))
        tensor([[[1., 0.]]])
    """
    height, width = size
    grown = (max(height, edges.shape[-2]), max(width, edges.shape[-1]))
    if grown != tuple(edges.shape[-2:]):
        edges = _nearest(edges, grown)
    _, rows, columns = (edges > 0).nonzero(as_tuple=True)
    # the centre of pixel i is at (i + 0.5) / old; integers keep the place exact
    row = (2 * rows + 1) * height // (2 * edges.shape[-2])
    column = (2 * columns + 1) * width // (2 * edges.shape[-1])
    resized = _nearest(edges.isnan().to(edges), (height, width))
    resized = torch.where(resized > 0, torch.nan, resized)
    resized[0, row, column] = 1
    return resized


def _nearest(values: Tensor, size: tuple[int, int]) -> Tensor:
    return F.interpolate(values[None], size, mode="nearest-exact")[0]
