"""Non-maximum suppression of edge maps."""

import numpy as np
import pytest

from mtl_plugins.functional.edges import edge_orientation, suppress_non_maxima

from .benchmark_cases import CROPS, SYNTHETIC, benchmark  # noqa: F401


def strength(benchmark, case):  # noqa: F811
    return benchmark(case, "edge_u8").astype(np.float32) / np.float32(255)


@pytest.mark.parametrize("case", [*CROPS, *SYNTHETIC])
def test_equals_the_official_code_with_the_official_orientation(benchmark, case):  # noqa: F811
    found = suppress_non_maxima(strength(benchmark, case), benchmark(case, "seism_orient"))
    np.testing.assert_array_equal(found, benchmark(case, "seism_nms"))


@pytest.mark.parametrize("case", [case for case in (*CROPS, *SYNTHETIC) if case != "shapes_thick"])
def test_own_orientation_changes_few_pixels(benchmark, case):  # noqa: F811
    """Straight edges parallel to the axes, as in `shapes_thick`, have no defined sign of the second derivative."""
    found, expected = suppress_non_maxima(strength(benchmark, case)) > 0, benchmark(case, "seism_nms") > 0
    assert (found != expected).sum() <= 0.005 * expected.sum()


@pytest.mark.parametrize("degrees", [0, 30, 60, 90, 120, 150])
def test_a_blurred_line_becomes_a_line(degrees):
    rows, columns = np.mgrid[:61, :61] - 30.0
    angle = np.radians(degrees)
    across = columns * np.cos(angle) + rows * np.sin(angle)
    line = np.exp(-(across**2) / 8).astype(np.float32)
    kept = suppress_non_maxima(line) * (line > 0.05)
    inner = np.hypot(rows, columns) < 20
    assert np.abs(across[inner & (kept > 0)]).max() <= 1
    assert (inner & (kept > 0)).sum() >= 38
    turned = edge_orientation(line)[(np.abs(across) < 2) & inner]
    np.testing.assert_allclose(np.abs(np.cos(turned - angle)), 1, atol=0.02)


def test_nothing_becomes_stronger_and_the_border_is_damped():
    soft = np.random.default_rng(0).random((30, 40), dtype=np.float32)
    kept = suppress_non_maxima(soft)
    assert (kept <= soft).all() and not kept[0].any() and not kept[:, -1].any()
    changed = (kept != soft) & (kept > 0)
    assert not changed[5:-5, 5:-5].any() and changed[:5].any()


@pytest.mark.parametrize("size", [(1, 1), (1, 8), (2, 2), (4, 3)])
def test_small_maps(size):
    assert suppress_non_maxima(np.ones(size, np.float32)).shape == size
