"""Boundaries between the regions of a label map."""

import numpy as np


def label_boundaries(labels: np.ndarray) -> np.ndarray:
    """The pixels that differ from their right, lower or lower right neighbour.

    This is the rule of the `seg2bmap` function of the BSDS benchmark. In the last row only the right neighbour counts,
    in the last column only the lower one.

    Args:
        labels: Class or instance ids, (H, W).

    Returns:
        bool (H, W).

    Examples:
        >>> label_boundaries(np.array([[1, 1, 2], [1, 1, 2]])).astype(int).tolist()
        [[0, 1, 0], [0, 1, 0]]
    """
    boundary = np.zeros(labels.shape, bool)
    boundary[:, :-1] |= labels[:, :-1] != labels[:, 1:]
    boundary[:-1] |= labels[:-1] != labels[1:]
    boundary[:-1, :-1] |= labels[:-1, :-1] != labels[1:, 1:]
    return boundary
