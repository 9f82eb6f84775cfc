"""Matching of two binary maps."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment

from mtl_plugins.functional.edges import candidate_pairs, cheapest_matching, count_matches


def maps(seed, share=0.2, size=(9, 11)):
    generator = np.random.default_rng(seed)
    return tuple(generator.random((2, *size)) < share)


def distances(binary, truth):
    return np.hypot(*(np.argwhere(truth)[:, None] - np.argwhere(binary)).transpose(2, 0, 1))


@given(seed=st.integers(0, 2**31), radius=st.sampled_from([0.5, 1.0, 1.5, 2.9, 5.0]))
@settings(max_examples=30, deadline=None)
def test_candidates_are_the_pairs_within_the_radius(seed, radius):
    binary, truth = maps(seed)
    pairs = candidate_pairs(binary, truth, radius)
    near = distances(binary, truth)
    found = np.full(near.shape, False)
    found[pairs.truth, pairs.pixel] = True
    np.testing.assert_array_equal(found, near <= radius)
    np.testing.assert_allclose(pairs.distance, near[pairs.truth, pairs.pixel])
    assert (pairs.truths, pairs.pixels) == near.shape


@given(seed=st.integers(0, 2**31), radius=st.sampled_from([1.0, 1.5, 2.9]))
@settings(max_examples=30, deadline=None)
def test_count_and_cost_equal_the_hungarian_method(seed, radius):
    binary, truth = maps(seed)
    pairs = candidate_pairs(binary, truth, radius)
    near = distances(binary, truth)
    cost = np.where(near <= radius, near, 100 * radius)
    rows, columns = linear_sum_assignment(cost)
    expected = near[rows, columns][near[rows, columns] <= radius]
    matched, pixels = cheapest_matching(pairs, radius)
    assert count_matches(pairs) == len(matched) == len(expected)
    assert len(set(matched)) == len(set(pixels)) == len(matched)
    assert near[matched, pixels].sum() == pytest.approx(expected.sum())


@given(seed=st.integers(0, 2**31))
@settings(max_examples=20, deadline=None)
def test_exchanging_the_maps_gives_the_same_count(seed):
    binary, truth = maps(seed)
    assert count_matches(candidate_pairs(binary, truth, 2.0)) == count_matches(candidate_pairs(truth, binary, 2.0))


def test_an_identical_map_is_matched_completely():
    binary, _ = maps(0)
    pairs = candidate_pairs(binary, binary, 3.0)
    assert count_matches(pairs) == binary.sum()
    matched, pixels = cheapest_matching(pairs, 3.0)
    np.testing.assert_array_equal(matched, pixels)  # at distance 0


def test_pairs_of_pixels_that_are_off_are_removed():
    binary, truth = maps(1)
    on = np.arange(binary.sum()) % 2 == 0
    kept = binary.copy()
    kept[tuple(np.argwhere(binary)[~on].T)] = False
    pairs = candidate_pairs(binary, truth, 2.0).select(on)
    assert count_matches(pairs) == count_matches(candidate_pairs(kept, truth, 2.0))


def test_empty_maps_have_no_matches():
    binary, _ = maps(2)
    for one, two in ((binary, ~(binary | True)), (~(binary | True), binary)):
        pairs = candidate_pairs(one, two, 2.0)
        assert count_matches(pairs) == 0 and not len(cheapest_matching(pairs, 2.0)[0])


def test_large_noisy_maps_are_matched():
    binary, truth = maps(3, 0.12, (240, 320))
    truth &= maps(4, 0.25, (240, 320))[0]
    pairs = candidate_pairs(binary, truth, 4.3)
    matched, pixels = cheapest_matching(pairs, 4.3)
    assert len(matched) == count_matches(pairs) == len(set(matched)) == len(set(pixels)) > 1500
