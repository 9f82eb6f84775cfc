import difflib
from collections.abc import Iterable


def did_you_mean(given: str, known: Iterable[str], n: int = 2, cutoff: float = 0.5) -> str:
    """``"did you mean 'a' or 'b'? "``: the known names nearest to a wrong one; empty where none is near.

    Up to ``n`` of a similarity of at least ``cutoff`` (``difflib``); one that differs in case alone is the answer.
    """
    given, known = str(given), list(known)
    near = [name for name in known if name.lower() == given.lower()]
    near = near or difflib.get_close_matches(given, known, n=n, cutoff=cutoff)
    return f"did you mean {' or '.join(map(repr, near))}? " if near else ""
