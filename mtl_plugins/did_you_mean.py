"""Suggestions for misspelt names in error messages."""

import difflib
from collections.abc import Iterable


def did_you_mean(given: str, known: Iterable[str], n: int = 2, cutoff: float = 0.5) -> str:
    """Suggest the known names nearest to a misspelt one.

    Args:
        given: The misspelt name.
        known: All valid names.
        n: Largest number of suggestions.
        cutoff: Smallest similarity of a suggestion, from 0 to 1 (see `difflib.get_close_matches`).

    Returns:
        A clause with a trailing space, or an empty string if no name is similar.

    >>> did_you_mean("tran", ["train", "test"])
    "did you mean 'train'? "
    """
    given, known = str(given), list(known)
    near = [name for name in known if name.lower() == given.lower()]
    near = near or difflib.get_close_matches(given, known, n=n, cutoff=cutoff)
    return f"did you mean {' or '.join(map(repr, near))}? " if near else ""
