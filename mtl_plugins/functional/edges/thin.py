"""Thinning of binary maps to lines of one pixel."""

from functools import cache

import numpy as np

# Neighbours of a pixel, counter-clockwise from the right: x1 ... x8 of the papers
_NEIGHBOURS = ((0, 1), (-1, 1), (-1, 0), (-1, -1), (0, -1), (1, -1), (1, 0), (1, 1))


def thin(binary: np.ndarray) -> np.ndarray:
    """Thin the lines of a binary map until nothing changes.

    Guo and Hall, "Parallel thinning with two-subiteration algorithms", CACM 1989, algorithm A1, in the form of Lam et
    al., "Thinning methodologies", PAMI 1992. Pixels outside the map are 0. The result equals that of MATLAB's
    `bwmorph(map, 'thin', Inf)`.

    Args:
        binary: bool (H, W).

    Returns:
        bool (H, W), a subset of `binary`.
    """
    height, width = binary.shape
    padded = np.zeros((height + 2, width + 2), np.uint8)
    padded[1:-1, 1:-1] = binary
    flat = padded.reshape(-1)
    offsets = [dy * (width + 2) + dx for dy, dx in _NEIGHBOURS]
    pixels = np.flatnonzero(flat)
    changed = True
    while changed:
        changed = False
        for deletable in _tables():
            code = np.zeros(len(pixels), np.uint8)
            for bit, offset in enumerate(offsets):
                code |= flat[pixels + offset] << bit
            deleted = deletable[code]
            if deleted.any():
                flat[pixels[deleted]] = 0
                pixels = pixels[~deleted]
                changed = True
    return padded[1:-1, 1:-1].astype(bool)


@cache
def _tables() -> tuple[np.ndarray, np.ndarray]:
    """Whether a pixel is deleted in the first and the second sub-iteration, bool (256,), by its neighbours' bits."""
    codes = np.arange(256)
    x = {i + 1: codes >> i % 8 & 1 for i in range(9)}  # x9 is x1
    crossings = np.sum([(1 - x[i]) & (x[i + 1] | x[i + 2]) for i in (1, 3, 5, 7)], axis=0)
    first = np.sum([x[i] | x[i + 1] for i in (1, 3, 5, 7)], axis=0)
    second = np.sum([x[i] | x[i + 1] for i in (2, 4, 6, 8)], axis=0)
    neighbours = np.minimum(first, second)
    removable = (crossings == 1) & (neighbours >= 2) & (neighbours <= 3)
    north_east = (x[2] | x[3] | (1 - x[8])) & x[1]
    south_west = (x[6] | x[7] | (1 - x[4])) & x[5]
    return removable & (north_east == 0), removable & (south_west == 0)
