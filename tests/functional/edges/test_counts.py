"""Counts of matched edge pixels."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from mtl_plugins.functional.edges import candidate_pairs, count_matches, edge_counts, thin

from .benchmark_cases import CROPS, MAX_DISTS, SYNTHETIC, benchmark  # noqa: F401

CASES = [*CROPS, *SYNTHETIC]


def check(found, exact, official):
    """Equal to exact matching, up to ties in the union of several annotators; the official code loses some pairs."""
    np.testing.assert_array_equal(found[:, [0, 1, 3]], exact[:, [0, 1, 3]])
    assert np.abs(found[:, 2] - exact[:, 2]).max() <= 0.02 * exact[:, 3].max()
    more = found[:, 0] - official[..., 0]
    assert more.min() >= 0 and more.max() <= 8
    np.testing.assert_array_equal(np.broadcast_to(found[:, [1, 3]], official[..., [1, 3]].shape), official[..., [1, 3]])


@pytest.mark.parametrize("case", CASES)
def test_counts_of_seism(benchmark, case):  # noqa: F811
    truths = benchmark(case, "seism_gt")
    for i, max_dist in enumerate(MAX_DISTS):
        found = edge_counts(benchmark(case, "seism_nms"), truths, benchmark.seism_thresholds, max_dist, strict=True)
        check(found, benchmark(case, "seism_exact")[i], benchmark(case, "seism_cnt")[:, i])
        if len(truths) == 1:
            np.testing.assert_array_equal(found, benchmark(case, "seism_exact")[i])


@pytest.mark.parametrize("case", CASES)
def test_counts_of_bsds(benchmark, case):  # noqa: F811
    truths, soft = benchmark(case, "gt_bdry"), benchmark(case, "edge_u8") / 255
    for i, max_dist in enumerate(MAX_DISTS):
        found = edge_counts(soft, truths, benchmark.bsds_thresholds, max_dist)
        check(found, benchmark(case, "bsds_thin_exact")[i], benchmark(case, "bsds_thin")[:, i])
    thresholds = benchmark.bsds_thresholds[benchmark.unthinned]
    for i, max_dist in enumerate(MAX_DISTS):
        found = edge_counts(soft, truths, thresholds, max_dist, thinned=False)
        np.testing.assert_array_equal(found[:, [1, 3]], benchmark(case, "bsds_nothin")[i][:, [1, 3]])


def soft_map(seed, size=(18, 23)):
    generator = np.random.default_rng(seed)
    soft = ndimage.gaussian_filter(generator.random(size), 1)
    return (soft - soft.min()) / (soft.max() - soft.min()), generator.random((2, *size)) < 0.1


@given(seed=st.integers(0, 2**31), strict=st.booleans(), thinned=st.booleans())
@settings(max_examples=15, deadline=None)
def test_each_threshold_equals_one_matching(seed, strict, thinned):
    soft, truths = soft_map(seed)
    thresholds = np.array([0.2, 0.4, 0.4001, 0.9])
    found = edge_counts(soft, truths[:1], thresholds, 0.1, strict, thinned)
    for threshold, row in zip(thresholds, found, strict=True):
        binary = soft > threshold if strict else soft >= threshold
        binary = thin(binary) if thinned else binary
        matches = count_matches(candidate_pairs(binary, truths[0], 0.1 * np.hypot(*soft.shape)))
        assert row.tolist() == [matches, truths[0].sum(), matches, binary.sum()]


@given(seed=st.integers(0, 2**31))
@settings(max_examples=10, deadline=None)
def test_several_annotators(seed):
    soft, truths = soft_map(seed)
    thresholds = np.array([0.3, 0.6])
    both = edge_counts(soft, truths, thresholds, 0.1)
    each = [edge_counts(soft, truth[None], thresholds, 0.1) for truth in truths]
    np.testing.assert_array_equal(both[:, :2], each[0][:, :2] + each[1][:, :2])
    np.testing.assert_array_equal(both[:, 3], each[0][:, 3])
    assert (both[:, 2] >= np.maximum(each[0][:, 2], each[1][:, 2])).all()
    assert (both[:, 2] <= np.minimum(each[0][:, 2] + each[1][:, 2], both[:, 3])).all()


def test_without_annotators_all_pixels_are_unmatched():
    soft, truths = soft_map(0)
    found = edge_counts(soft, truths[:0], np.array([0.5]), 0.1, thinned=False)
    assert found.tolist() == [[0, 0, 0, (soft >= 0.5).sum()]]
