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
    >>> did_you_mean("imtl-g", ["IMTLG", "IMTLL"])
    "did you mean 'IMTLG'? "
    """
    given, known = str(given), list(known)
    near = [name for name in known if _plain(name) == _plain(given)]
    near = near or difflib.get_close_matches(given, known, n=n, cutoff=cutoff)
    return f"did you mean {' or '.join(map(repr, near))}? " if near else ""


def _plain(name: str) -> str:
    """The letters and digits of a name in lower case, or the name if it has none."""
    return "".join(filter(str.isalnum, name)).lower() or name
