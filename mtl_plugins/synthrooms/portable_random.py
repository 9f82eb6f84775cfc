"""Random numbers that are equal on every machine."""

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

from .primitives import Vector

Item = TypeVar("Item")


class PortableRandom:
    """Draws from the raw words of PCG64.

    NumPy guarantees the bit stream of PCG64 forever, but not the distributions that `Generator` computes from it. The
    few distributions needed here are therefore computed from the raw words, with exact arithmetic only.

    Args:
        key: Integers that together seed the stream.
    """

    def __init__(self, *key: int) -> None:
        self._bits = np.random.PCG64(np.random.SeedSequence(key))

    def unit(self) -> float:
        """A float in [0, 1)."""
        return (int(self._bits.random_raw()) >> 11) * 2.0**-53

    def uniform(self, low: float, high: float) -> float:
        """A float in [low, high)."""
        return low + (high - low) * self.unit()

    def integer(self, low: int, high: int) -> int:
        """An integer from `low` to `high`, both inclusive."""
        return low + int(self.unit() * (high - low + 1))

    def chance(self, probability: float) -> bool:
        """True with the given probability."""
        return self.unit() < probability

    def pick(self, items: Sequence[Item]) -> Item:
        """One of the items."""
        return items[self.integer(0, len(items) - 1)]

    def near(self, colour: Vector, spread: float = 0.05) -> Vector:
        """A colour (r, g, b from 0 to 1) near `colour`: shifted in brightness, and less in each channel."""
        shift = self.uniform(-spread, spread)
        r, g, b = (min(0.97, max(0.02, c + shift + self.uniform(-spread, spread) * 0.5)) for c in colour)
        return r, g, b

    def words(self, count: int) -> np.ndarray:
        """`count` random uint64 words."""
        return self._bits.random_raw(count)

    def bell(self, *shape: int) -> np.ndarray:
        """Nearly normal float32 numbers with mean 0 and standard deviation 1: sums of four bytes."""
        count = 1
        for n in shape:
            count *= n
        words = self.words((count + 1) // 2)
        halves = np.stack([words & np.uint64(0xFFFFFFFF), words >> np.uint64(32)], 1).ravel()[:count].astype(np.uint32)
        # Two sums at once: bytes 0 + 1 and 2 + 3 in the 16-bit lanes.
        lanes = (halves & np.uint32(0x00FF00FF)) + ((halves >> np.uint32(8)) & np.uint32(0x00FF00FF))
        total = ((lanes & np.uint32(0xFFFF)) + (lanes >> np.uint32(16))).astype(np.float32)
        # The variance of a byte is (256² − 1) / 12; that of the sum of four is 147.8².
        return ((total - np.float32(510.0)) * np.float32(1 / 147.8)).reshape(shape)
