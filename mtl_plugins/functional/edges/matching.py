"""One-to-one matching of the pixels of two binary maps."""

import math
from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import maximum_flow, min_weight_full_bipartite_matching


class Pairs(NamedTuple):
    """The pixels of a map and of a ground truth that are close enough to be matched.

    Attributes:
        truth: Index of the pixel of the ground truth, int32 (N,), ascending.
        pixel: Index of the pixel of the map, int32 (N,).
        distance: Pixels, float64 (N,).
        truths: Number of pixels of the ground truth.
        pixels: Number of pixels of the map.
    """

    truth: np.ndarray
    pixel: np.ndarray
    distance: np.ndarray
    truths: int
    pixels: int

    def select(self, on: np.ndarray) -> "Pairs":
        """The pairs that remain if only some pixels of the map are on, bool (pixels,); their indices do not change."""
        kept = on[self.pixel]
        return self._replace(truth=self.truth[kept], pixel=self.pixel[kept], distance=self.distance[kept])


def candidate_pairs(binary: np.ndarray, truth: np.ndarray, radius: float) -> Pairs:
    """All pairs of pixels of two maps that are at most `radius` apart.

    Args:
        binary: bool (H, W). Its pixels are numbered row by row.
        truth: bool (H, W).
        radius: Pixels.
    """
    margin = math.floor(radius)
    number = np.full((binary.shape[0] + 2 * margin, binary.shape[1] + 2 * margin), -1, np.int32)
    inside = number[margin : margin + binary.shape[0], margin : margin + binary.shape[1]]
    pixels = int(binary.sum())
    inside[binary] = np.arange(pixels, dtype=np.int32)

    dy, dx = np.mgrid[-margin : margin + 1, -margin : margin + 1]
    near = dy**2 + dx**2 <= radius**2
    dy, dx = dy[near], dx[near]
    rows, columns = np.nonzero(truth)
    centres = (rows + margin) * number.shape[1] + columns + margin
    found = number.reshape(-1)[centres[:, None] + (dy * number.shape[1] + dx)]
    truth_index, offset = np.nonzero(found >= 0)
    return Pairs(
        truth_index.astype(np.int32),
        found[truth_index, offset],
        np.hypot(dy, dx)[offset],
        len(rows),
        pixels,
    )


def count_matches(pairs: Pairs) -> int:
    """The largest number of one-to-one pairs: a maximum flow with unit capacities.

    Args:
        pairs: As returned by `candidate_pairs`.
    """
    if not len(pairs.truth):
        return 0
    truths, truth = _renumber(pairs.truth, pairs.truths)
    pixels, pixel = _renumber(pairs.pixel, pairs.pixels)
    # nodes: source, the ground truth's pixels, the map's pixels, sink
    degrees = np.concatenate([[truths], np.bincount(truth, minlength=truths), np.ones(pixels, np.int32), [0]])
    indptr = np.zeros(len(degrees) + 1, np.int32)
    np.cumsum(degrees, out=indptr[1:])
    indices = np.concatenate([np.arange(1, truths + 1), truths + 1 + pixel, np.full(pixels, truths + pixels + 1)])
    graph = csr_array(
        (np.ones(len(indices), np.int32), indices.astype(np.int32), indptr), shape=(len(degrees), len(degrees))
    )
    return int(maximum_flow(graph, 0, truths + pixels + 1).flow_value)


def cheapest_matching(pairs: Pairs, radius: float) -> tuple[np.ndarray, np.ndarray]:
    """The one-to-one matching with as many pairs as possible and, among these, the smallest sum of distances.

    Args:
        pairs: As returned by `candidate_pairs`.
        radius: The largest distance in pixels. A pixel without a partner costs 100 times as much, as in the BSDS
            benchmark.

    Returns:
        Indices of the matched pixels of the ground truth and of the map, each int (number of pairs,).
    """
    if not len(pairs.truth):
        return np.empty(0, np.int64), np.empty(0, np.int64)
    truth_ids, truth = np.unique(pairs.truth, return_inverse=True)
    pixel_ids, pixel = np.unique(pairs.pixel, return_inverse=True)
    if len(truth_ids) <= len(pixel_ids):
        rows, columns = _cheapest(truth, pixel, pairs.distance, radius)
    else:
        columns, rows = _cheapest(pixel, truth, pairs.distance, radius)
    return truth_ids[rows], pixel_ids[columns]


def _cheapest(
    row: np.ndarray, column: np.ndarray, distance: np.ndarray, radius: float
) -> tuple[np.ndarray, np.ndarray]:
    """The matching of rows and columns, numbered from 0; it is faster if there are fewer rows than columns."""
    rows, columns = row.max() + 1, column.max() + 1
    # A full matching exists because each row also has a dummy partner. One more pair leaves two pixels less without a
    # partner, so a dummy costs twice as much as a pixel without one. scipy drops zeros, so costs are increased by 1.
    costs = np.concatenate([distance + 1, np.full(rows, 200 * radius + 1)])
    places = np.concatenate([row, np.arange(rows)]), np.concatenate([column, columns + np.arange(rows)])
    found_rows, found_columns = min_weight_full_bipartite_matching(
        csr_array((costs, places), shape=(rows, columns + rows))
    )
    real = found_columns < columns
    return found_rows[real], found_columns[real]


def _renumber(ids: np.ndarray, size: int) -> tuple[int, np.ndarray]:
    """Number the ids that occur from 0: how many there are, and the ids in the new numbering."""
    occurs = np.zeros(size, bool)
    occurs[ids] = True
    new = np.cumsum(occurs, dtype=np.int32) - 1
    return int(new[-1]) + 1, new[ids]
