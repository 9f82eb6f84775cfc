"""Edges from labels of other tasks."""

import numpy as np


def class_edges(ids: np.ndarray, void: int | None = 255) -> np.ndarray:
    """Borders between classes or instances.

    Args:
        ids: (H, W).
        void: The id of pixels without a label; a border with them is no edge.

    Returns:
        float32 (H, W): 1 for an edge, 0 for none, NaN for void.
    """
    known = np.ones(ids.shape, bool) if void is None else ids != void
    edges = np.zeros(ids.shape, np.float32)
    for rows, columns in ((0, 1), (1, 0), (1, 1)):  # right, lower and lower right neighbour, as in `label_boundaries`
        here = slice(None, ids.shape[0] - rows), slice(None, ids.shape[1] - columns)
        neighbour = slice(rows, None), slice(columns, None)
        edges[here][(ids[here] != ids[neighbour]) & known[here] & known[neighbour]] = 1
    edges[~known] = np.nan
    return edges


def depth_edges(depth: np.ndarray, ratio: float = 1.1) -> np.ndarray:
    """Jumps of the depth.

    Args:
        depth: Metres, (H, W); 0 or not finite for no reading.
        ratio: Two neighbours form an edge if one depth is at least this many times the other.

    Returns:
        float32 (H, W): 1 at the nearer pixel of a jump, 0 for no edge, NaN without a reading.
    """
    known = np.isfinite(depth) & (depth > 0)
    logarithm = np.log(np.where(known, depth, 1))
    limit = np.log(ratio)
    edges = np.zeros(depth.shape, np.float32)
    for axis in (0, 1):
        one, two = (_shifted(edges, axis, first) for first in (True, False))
        jump = np.diff(logarithm, axis=axis)
        jump[~(_shifted(known, axis, True) & _shifted(known, axis, False))] = 0
        one[jump >= limit] = 1
        two[jump <= -limit] = 1
    edges[~known] = np.nan
    return edges


def merge_edges(maps: list[np.ndarray]) -> np.ndarray:
    """Edges of any of several maps: float32 (H, W), NaN where no map has a value."""
    stacked = np.stack(maps)
    merged = np.nan_to_num(stacked).max(0)
    merged[np.isnan(stacked).all(0)] = np.nan
    return merged.astype(np.float32)


def _shifted(values: np.ndarray, axis: int, first: bool) -> np.ndarray:
    """A view without the last (`first`) or the first line along an axis."""
    part = [slice(None)] * values.ndim
    part[axis] = slice(None, -1) if first else slice(1, None)
    return values[tuple(part)]
