"""Thinning and boundaries of label maps."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from mtl_plugins.functional.edges import label_boundaries, thin

from .benchmark_cases import CROPS, SYNTHETIC, benchmark  # noqa: F401

EIGHT = np.ones((3, 3))


def blobs(seed, height=24, width=31):
    noise = ndimage.gaussian_filter(np.random.default_rng(seed).standard_normal((height, width)), 1.5)
    return noise > 0.05


@pytest.mark.parametrize("case", [*CROPS, *SYNTHETIC])
def test_boundaries_equal_the_official_ground_truth(benchmark, case):  # noqa: F811
    for labels, expected in zip(benchmark(case, "gt_label"), benchmark(case, "seism_gt"), strict=True):
        np.testing.assert_array_equal(thin(label_boundaries(labels)), expected > 0)


@given(seed=st.integers(0, 2**31))
@settings(max_examples=15, deadline=None)
def test_thinning_keeps_the_components_and_is_idempotent(seed):
    binary = blobs(seed)
    thinned = thin(binary)
    assert not (thinned & ~binary).any()
    assert ndimage.label(thinned, EIGHT)[1] == ndimage.label(binary, EIGHT)[1]
    np.testing.assert_array_equal(thin(thinned), thinned)


def test_a_bar_becomes_a_line_and_a_ring_stays_a_ring():
    bar = np.zeros((9, 20), bool)
    bar[3:6, 2:18] = True
    assert thin(bar).sum(0).max() == 1
    ring = np.zeros((11, 11), bool)
    ring[1:10, 1:10] = True
    ring[4:7, 4:7] = False
    assert ndimage.label(~thin(ring))[1] == 2


@pytest.mark.parametrize("size", [(0, 0), (1, 1), (1, 5), (3, 1)])
def test_small_maps(size):
    assert thin(np.ones(size, bool)).shape == label_boundaries(np.ones(size, np.uint8)).shape == size
    assert not label_boundaries(np.ones(size, np.uint8)).any()


@given(seed=st.integers(0, 2**31))
@settings(max_examples=10, deadline=None)
def test_boundaries_do_not_depend_on_the_ids(seed):
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, 4, (7, 9))
    renamed = generator.permutation(4)[labels]
    np.testing.assert_array_equal(label_boundaries(labels), label_boundaries(renamed))
