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
        limit: A share as a float from 0 to 1, or a number as an int.
        count: Number of samples.

    Examples:
        >>> allowed_number(0.1, 795), allowed_number(3, 795), allowed_number(1, 795), allowed_number(1.0, 795)
        (79, 3, 1, 795)
    """
    return limit if isinstance(limit, int) else int(limit * count)


def check_options(on_bad_sample: str, max_bad_samples: float, owner: str) -> None:
    """Raise ValueError unless the options of a dataset are allowed."""
    if on_bad_sample not in ACTIONS:
        raise ValueError(f"{owner}: on_bad_sample={on_bad_sample!r} must be {' or '.join(map(repr, ACTIONS))}.")
    share = isinstance(max_bad_samples, float) and 0 <= max_bad_samples <= 1
    number = isinstance(max_bad_samples, int) and not isinstance(max_bad_samples, bool) and max_bad_samples >= 0
    if not share and not number:
        raise ValueError(
            f"{owner}: max_bad_samples={max_bad_samples!r} must be a share of the samples, a float from 0.0 to 1.0, or "
            "a number of samples, an int such as 5."
        )
