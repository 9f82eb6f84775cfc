"""Linear and logarithmic colour scales, and their ticks."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

#: Depth whose far end is this many times its near end is painted on a logarithmic scale. Rooms have 2 to 6, streets 8
#: to 20. On a linear scale to 60 m, everything within 15 m has nearly the same colour.
LOG_FROM = 7.0
MAX_RATIO = 100.0  # far / near; nearer readings are clipped, so that a few of some millimetres do not stretch the scale
PERCENTILES = (1, 99)  # near and far, so that single outliers do not stretch the scale
MIN_RANGE = 0.1  # metres; a constant map still gets a range of colours
_MIN_SHARE = 1e-3  # smallest range / far end
MAX_TICKS = 8
_STEPS = [1, 2, 2.5, 5, 10]  # between the ticks of a linear scale
_MANTISSAS = ((1, 1.5, 2, 3, 5, 7), (1, 2, 5), (1, 3), (1,))  # ticks of a logarithmic scale, times powers of ten


@dataclass(frozen=True)
class ColourScale:
    """Maps values to places along a colormap.

    Args:
        low: Value of the first colour.
        high: Value of the last colour.
        log: Whether the scale is logarithmic; then `low` must be above 0.
    """

    low: float
    high: float
    log: bool = False

    def place(self, values: np.ndarray) -> np.ndarray:
        """Places between 0 and 1, float64. Values outside the range are clipped; NaN is 0.

        Raises:
            ValueError: The range is not finite or not ascending, or a logarithmic scale begins at 0 or below.
        """
        low, high = self.low, self.high
        if not (np.isfinite(low) and np.isfinite(high) and high >= low):
            raise ValueError(f"The range to paint must be finite and ascending, but it is {low} to {high}.")
        if self.log and low <= 0:
            raise ValueError(f"A logarithmic colour scale must begin above 0, but it begins at {low}.")
        clipped = np.nan_to_num(np.asarray(values).astype(np.float64).clip(low, high), nan=low)
        if self.log:
            return np.log(clipped / low) / max(np.log(high / low), 1e-12)
        return (clipped - low) / max(high - low, 1e-12)

    def ticks(self) -> list[float]:
        """At most `MAX_TICKS` round numbers within the range, ascending."""
        from matplotlib.ticker import MaxNLocator

        if self.log:
            decades = np.arange(np.floor(np.log10(self.low)), np.log10(self.high) + 1)
            for mantissas in _MANTISSAS:
                ticks = self._within([m * 10.0**decade for decade in decades for m in mantissas])
                if 2 <= len(ticks) <= MAX_TICKS:
                    return ticks
        return self._within(MaxNLocator(nbins=6, steps=_STEPS).tick_values(self.low, self.high))

    def _within(self, ticks: Sequence[float] | np.ndarray) -> list[float]:
        return [float(tick) for tick in ticks if self.low <= tick <= self.high]


def depth_scale(readings: np.ndarray, log_from: float = LOG_FROM) -> ColourScale:
    """The scale on which depth is painted.

    It goes from the 1st to the 99th percentile of the readings, and is logarithmic if the far end is at least
    `log_from` times the near end. The near end is at least a hundredth of the far end.

    Args:
        readings: Metres above 0, of any shape; without any, the scale goes from 0 to 1 m.
        log_from: Ratio from which the scale is logarithmic.
    """
    low, high = np.percentile(readings, PERCENTILES).tolist() if readings.size else (0.0, 1.0)
    return scale_of_range(low, high, log_from)


def scale_of_range(low: float, high: float, log_from: float = LOG_FROM) -> ColourScale:
    """The scale for depth between two percentiles; see `depth_scale`."""
    least = max(MIN_RANGE, _MIN_SHARE * high)
    if high - low < least:
        low, high = max(low - least / 2, 0.0), high + least / 2
    if 0 < log_from * low <= high:
        return ColourScale(max(low, high / MAX_RATIO), high, log=True)
    return ColourScale(low, high)
