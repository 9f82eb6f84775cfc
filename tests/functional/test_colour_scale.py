"""Colour scales: which range, linear or logarithmic, and round ticks."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from mtl_plugins.functional import ColourScale, depth_scale
from mtl_plugins.functional.colour_scale import LOG_FROM, MAX_TICKS

METRES = st.floats(0.01, 200)
SCALES = st.builds(
    lambda low, ratio, log: ColourScale(low, low * ratio, log), METRES, st.floats(1.01, 100), st.booleans()
)


@given(SCALES, st.lists(METRES, min_size=2, max_size=20))
def test_places_ascend_from_0_to_1(scale, values):
    values = np.sort(values)
    places = scale.place(values)
    assert (np.diff(places) >= 0).all()
    assert (places >= 0).all() and (places <= 1 + 1e-9).all()
    assert scale.place(np.array([scale.low, scale.high])) == pytest.approx([0, 1])
    inside = (values > scale.low) & (values < scale.high)
    middle = scale.place(np.sqrt([scale.low * scale.high]))[0]  # the geometric mean is in the middle of a log scale
    assert middle == pytest.approx(0.5) if scale.log else middle < 0.5
    assert not inside.any() or places[inside].max() < 1 + 1e-9


@given(SCALES)
def test_ticks_are_few_ascending_round_and_within_the_range(scale):
    ticks = np.array(scale.ticks())
    assert 2 <= len(ticks) <= MAX_TICKS
    assert (np.diff(ticks) > 0).all()
    assert ticks.min() >= scale.low and ticks.max() <= scale.high
    mantissas = ticks / 10.0 ** np.floor(np.log10(np.maximum(ticks, 1e-3)) + 1e-9)
    round_mantissas = all(np.isclose(m, [1, 1.5, 2, 3, 5, 7]).any() for m in mantissas)
    step = np.diff(ticks).mean()
    round_steps = np.isclose(step / 10.0 ** np.floor(np.log10(step) + 1e-9), [1, 2, 2.5, 5]).any()
    equal_steps = np.allclose(ticks / step, np.round(ticks / step), atol=1e-6) and round_steps
    if scale.high >= 5 * scale.low:
        assert round_mantissas if scale.log else equal_steps
    else:  # a short logarithmic scale may have the ticks of a linear one
        assert equal_steps or (scale.log and round_mantissas)


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [
        (5.9, 57, [7, 10, 15, 20, 30, 50]),  # a street
        (1.2, 80, [2, 5, 10, 20, 50]),
        (0.8, 80, [1, 2, 5, 10, 20, 50]),
    ],
)
def test_ticks_of_a_street(low, high, ticks):
    assert ColourScale(low, high, log=True).ticks() == ticks


@given(st.lists(METRES, min_size=1, max_size=200))
def test_the_ratio_of_far_and_near_decides(readings):
    readings = np.array(readings)
    low, high = np.percentile(readings, (1, 99))
    assume(high - low > 0.11 and abs(high / low - LOG_FROM) > 1e-6)
    scale = depth_scale(readings)
    assert scale.log == (high / low > LOG_FROM)
    assert scale.high == high and scale.low == (max(low, high / 100) if scale.log else low)


def test_rooms_are_linear_and_streets_logarithmic():
    assert depth_scale(np.linspace(0.8, 4, 100)).log is False
    assert depth_scale(np.linspace(4, 70, 100)).log is True


@pytest.mark.parametrize("readings", [[], [3.0], [3.0, 3.0], [1e-6, 3e4], [1e-30] * 5 + [1e30] * 5])
def test_any_readings_have_a_scale_with_colours(readings):
    scale = depth_scale(np.array(readings))
    assert 0 <= scale.low < scale.high
    assert np.isfinite(scale.place(np.array([np.nan, np.inf, -np.inf, 0, 1]))).all()
    assert len(scale.ticks()) >= 2


@pytest.mark.parametrize(("low", "high", "log"), [(2, 1, False), (0, np.nan, False), (0, 3, True)])
def test_a_range_without_a_scale_raises(low, high, log):
    with pytest.raises(ValueError, match="range to paint must be finite and ascending|must begin above 0"):
        ColourScale(low, high, log).place(np.ones(2))
