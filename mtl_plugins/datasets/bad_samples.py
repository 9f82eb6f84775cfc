"""Samples that cannot be read: what replaces them, and how many are allowed."""

from collections.abc import Iterator
from typing import NamedTuple

from .data_error import DataError
from .seeded_draw import draw_seed

#: The errors of a reader that concern a file; all other errors are mistakes in code.
READ_ERRORS = (ValueError, OSError, EOFError)
#: Item of a sample's metainfo: the bad samples that it replaces, `BadSample`s as dicts.
BAD_SAMPLES = "bad_samples"
ACTIONS = ("raise", "skip")
_TRIES = 50


class BadSample(NamedTuple):
    """A sample that cannot be read."""

    img_path: str
    sample_idx: int
    dataset: str
    reason: str


def replacements(index: int, seed: int | None, count: int) -> Iterator[int]:
    """The samples to try in place of a bad one; they depend only on the arguments.

    Args:
        index: The bad sample.
        seed: Seed of its augmentation, which differs between epochs; None in an evaluation.
        count: Number of samples.

    Examples:
        >>> list(replacements(0, None, 2))[:3]
        [1, 1, 1]
    """
    for turn in range(_TRIES if count > 1 else 0):
        yield (index + 1 + draw_seed(seed or 0, f"replacement {turn}", index) % (count - 1)) % count


def none_is_readable(bad: list[BadSample]) -> DataError:
    """The error if neither a sample nor its replacements can be read."""
    first, *others = bad
    also = f" {len(others)} samples that were drawn in its place cannot be read either." if others else ""
    return DataError(f"{first.reason}{also} Check the data: on_bad_sample='skip' is for single bad samples.")


def allowed_number(limit: float, count: int) -> int:
    """How many of `count` samples may be bad.

    Args:
        limit: A share below 1, or a number from 1.
        count: Number of samples.

    Examples:
        >>> allowed_number(0.1, 795), allowed_number(3, 795)
        (79, 3)
    """
    return int(limit * count) if limit < 1 else int(limit)


def check_options(on_bad_sample: str, max_bad_samples: float, owner: str) -> None:
    """Raise ValueError unless the options of a dataset are allowed."""
    if on_bad_sample not in ACTIONS:
        raise ValueError(f"{owner}: on_bad_sample={on_bad_sample!r} must be {' or '.join(map(repr, ACTIONS))}.")
    number = isinstance(max_bad_samples, int | float) and not isinstance(max_bad_samples, bool)
    if not number or not (0 <= max_bad_samples < 1 or max_bad_samples == max_bad_samples // 1 >= 1):
        raise ValueError(
            f"{owner}: max_bad_samples={max_bad_samples!r} must be a share from 0 to below 1, or a number of samples."
        )
