"""Random draws that are the same on every machine."""

import numpy as np


class Draw:
    """Uniform draws from the raw words of PCG64.

    numpy promises the bit stream of PCG64 for ever, but not what ``Generator`` makes of it; so the few
    distributions needed here are made from the raw words, with exact arithmetic alone.
    """

    def __init__(self, *key: int):
        self._bits = np.random.PCG64(np.random.SeedSequence(key))

    def unit(self) -> float:
        """A float in [0, 1)."""
        return (int(self._bits.random_raw()) >> 11) * 2.0**-53

    def uniform(self, low: float, high: float) -> float:
        return low + (high - low) * self.unit()

    def integer(self, low: int, high: int) -> int:
        """An integer in low..high, both included."""
        return low + int(self.unit() * (high - low + 1))

    def chance(self, probability: float) -> bool:
        return self.unit() < probability

    def pick(self, items):
        return items[self.integer(0, len(items) - 1)]

    def shuffled(self, items) -> list:
        pool, out = list(items), []
        while pool:
            out.append(pool.pop(self.integer(0, len(pool) - 1)))
        return out

    def near(self, colour, spread: float = 0.05) -> tuple:
        """A colour (r, g, b in 0..1) near ``colour``: one shift of brightness, a smaller one a channel."""
        shift = self.uniform(-spread, spread)
        return tuple(min(0.97, max(0.02, c + shift + self.uniform(-spread, spread) * 0.5)) for c in colour)

    def words(self, count: int) -> np.ndarray:
        """``count`` random uint64 words."""
        return self._bits.random_raw(count)

    def bell(self, *shape: int) -> np.ndarray:
        """float32 array of mean 0 and standard deviation 1: sums of four bytes, so nearly normal."""
        count = 1
        for n in shape:
            count *= n
        words = self.words((count + 1) // 2)
        halves = np.stack([words & np.uint64(0xFFFFFFFF), words >> np.uint64(32)], 1).ravel()[:count].astype(np.uint32)
        # Two sums at once: bytes 0 + 1 and 2 + 3 in the 16-bit lanes.
        lanes = (halves & np.uint32(0x00FF00FF)) + ((halves >> np.uint32(8)) & np.uint32(0x00FF00FF))
        total = ((lanes & np.uint32(0xFFFF)) + (lanes >> np.uint32(16))).astype(np.float32)
        # Variance of a byte is (256^2 - 1) / 12; of four, 147.8 squared.
        return ((total - np.float32(510.0)) * np.float32(1 / 147.8)).reshape(shape)
