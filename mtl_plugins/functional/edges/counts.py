"""Counts of matched edge pixels of one image, at many thresholds."""

import math
from collections.abc import Sequence

import numpy as np

from .matching import Pairs, candidate_pairs, cheapest_matching, count_matches
from .thin import thin


def edge_counts(
    strength: np.ndarray,
    truths: Sequence[np.ndarray] | np.ndarray,
    thresholds: np.ndarray,
    max_dist: float,
    strict: bool = False,
    thinned: bool = True,
) -> np.ndarray:
    """Count the matched pixels of a soft edge map at each threshold.

    A pixel of the prediction and one of the ground truth can be paired if they are at most `max_dist` times the image
    diagonal apart. The matching is one-to-one, has as many pairs as possible and, with several ground truths, the
    smallest sum of distances. It is exact, whereas the benchmark's C++ code draws part of its graph at random and loses
    a few pairs.

    Args:
        strength: Soft edge map, (H, W).
        truths: Binary maps (A, H, W), one per annotator.
        thresholds: Ascending, (T,), of the same type as `strength`.
        max_dist: Share of the image diagonal.
        strict: Whether a pixel is an edge if it is above the threshold. By default it may also be equal.
        thinned: Whether the binary maps are thinned.

    Returns:
        int32 (T, 4): matched pixels of all ground truths, pixels of all ground truths, pixels of the prediction that
        match at least one ground truth, pixels of the prediction.
    """
    radius = max_dist * math.hypot(*strength.shape)
    truths = [truth.astype(bool) for truth in truths]
    support = strength > thresholds[0] if strict else strength >= thresholds[0]
    values = strength[support]
    position = np.flatnonzero(support)
    candidates = [candidate_pairs(support, truth, radius) for truth in truths]
    counts = np.zeros((len(thresholds), 4), np.int32)
    counts[:, 1] = sum(pairs.truths for pairs in candidates)
    before = None
    for index, threshold in enumerate(thresholds):
        on = values > threshold if strict else values >= threshold
        if before is not None and np.array_equal(on, before):
            counts[index] = counts[index - 1]
            continue
        candidates = [pairs.select(on) for pairs in candidates]  # they only become fewer
        before = on
        if thinned and on.any():
            binary = np.zeros(strength.shape, bool)
            binary.reshape(-1)[position[on]] = True
            on = thin(binary).reshape(-1)[position]
        counts[index, 0], counts[index, 2] = _matched([pairs.select(on) for pairs in candidates], radius)
        counts[index, 3] = np.count_nonzero(on)
    return counts


def _matched(pairs: Sequence[Pairs], radius: float) -> tuple[int, int]:
    """Matched pixels of the ground truths, and pixels of the prediction that match at least one."""
    if len(pairs) == 1:  # which pixels are paired does not matter
        matched = count_matches(pairs[0])
        return matched, matched
    total, union = 0, np.zeros(pairs[0].pixels if pairs else 0, bool)
    for each in pairs:
        _, pixels = cheapest_matching(each, radius)
        total += len(pixels)
        union[pixels] = True
    return total, int(union.sum())
