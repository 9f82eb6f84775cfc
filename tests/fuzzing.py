"""Damaging files at random: tests with few seeded trials in the suite, and many with `pytest -m fuzz`."""

import random
from collections.abc import Iterator

import pytest


def fuzz(short, long=1000):
    """Parametrize a test with `trials`: `short` in the suite, `long` with `pytest -m fuzz`."""
    return pytest.mark.parametrize("trials", [short, pytest.param(long, marks=pytest.mark.fuzz)])


def flip_bit(data: bytes, generator: random.Random) -> bytes:
    """`data` with one random bit flipped."""
    at = generator.randrange(8 * len(data))
    changed = bytearray(data)
    changed[at // 8] ^= 1 << at % 8
    return bytes(changed)


def mutate(data: bytes, generator: random.Random) -> bytes:
    """`data` with one random change: bits flipped, bytes replaced, removed, inserted, repeated, or the end cut off."""
    start = generator.randrange(len(data))
    end = min(len(data), start + generator.choice((1, 2, 4, 16, 256)))
    middle = generator.choice(
        (
            flip_bit(data[start:end], generator),
            generator.randbytes(end - start),
            b"",
            b"\0" * (end - start),
            b"\xff" * (end - start),
            data[start:end] * 2,
            data[start:end] + generator.randbytes(generator.randrange(1, 9)),
        )
    )
    return data[:start] if generator.random() < 0.1 else data[:start] + middle + data[end:]


def mutations(data: bytes, trials: int, seed: int = 0) -> Iterator[bytes]:
    """`trials` different random changes of `data`; equal on every machine."""
    generator = random.Random(seed)
    for _ in range(trials):
        changed = mutate(data, generator)
        yield mutate(changed, generator) if changed and generator.random() < 0.3 else changed
