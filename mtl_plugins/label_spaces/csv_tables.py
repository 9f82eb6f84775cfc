"""The CSV files of this room: ``#`` lines tell the source, the first other line names the columns."""

import csv
from functools import cache
from pathlib import Path

from mtl_plugins.did_you_mean import did_you_mean

_ROOM = Path(__file__).parent


def read_table(kind: str, name: str | Path) -> tuple[dict[str, str], ...]:
    """Rows of ``<kind>/<name>.csv`` of this room, or of the file that ``name`` is the path of.

    Raises:
        FileNotFoundError: no such file; the nearest names are told.
        ValueError: an empty file, or rows of another length than the first line.
    """
    path = Path(name) if str(name).endswith(".csv") else _ROOM / kind / f"{name}.csv"
    if not path.is_file():
        known = list_tables(kind)
        hint = did_you_mean(name, known)
        raise FileNotFoundError(
            f"there is no table {str(name)!r} among the {kind} of mtl_plugins/label_spaces: {hint}"
            f"Known: {', '.join(known)}. One of your own is given by the path of its CSV file."
        )
    return _read(path)


@cache
def _read(path):
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if line.strip() and line[0] != "#"]
    rows = list(csv.reader(lines))
    wrong = [row for row in rows if len(row) != len(rows[0])] if rows else []
    if len(rows) < 2 or wrong:
        what = f"the row {wrong[0]} has another length than {rows[0]}" if wrong else "it has no rows"
        raise ValueError(f"{path} is no table: {what}. Wanted: a line with the names of the columns, then the rows.")
    return tuple(dict(zip(rows[0], row, strict=True)) for row in rows[1:])


def list_tables(kind: str) -> list[str]:
    """The names of this room's tables of a kind, ``'spaces'`` or ``'maps'``."""
    return sorted(path.stem for path in (_ROOM / kind).glob("*.csv"))
