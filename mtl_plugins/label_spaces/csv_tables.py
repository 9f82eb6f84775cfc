"""Reads the CSV files of this package: `#` lines name the source, the first other line names the columns."""

import csv
from functools import cache
from pathlib import Path

from mtl_plugins.did_you_mean import did_you_mean

_PACKAGE = Path(__file__).parent


def read_table(kind: str, name: str | Path) -> tuple[dict[str, str], ...]:
    """Read the rows of a table.

    Args:
        kind: `'spaces'` or `'maps'`.
        name: Name of a bundled table, or the path of a CSV file.

    Raises:
        FileNotFoundError: The table does not exist; the message suggests similar names.
        ValueError: The file is empty, or a row has another length than the first line.
    """
    path = Path(name) if str(name).endswith(".csv") else _PACKAGE / kind / f"{name}.csv"
    if not path.is_file():
        known = list_tables(kind)
        hint = did_you_mean(str(name), known)
        raise FileNotFoundError(
            f"unknown table {str(name)!r} in the {kind} of mtl_plugins/label_spaces: {hint}Known: {', '.join(known)}. "
            "For a custom table, use the path of its CSV file."
        )
    return _read(path)


@cache
def _read(path: Path) -> tuple[dict[str, str], ...]:
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if line.strip() and line[0] != "#"]
    rows = list(csv.reader(lines))
    wrong = [row for row in rows if len(row) != len(rows[0])] if rows else []
    if len(rows) < 2 or wrong:
        problem = f"the row {wrong[0]} has another length than {rows[0]}" if wrong else "it has no rows"
        raise ValueError(f"{path} is not a table: {problem}. Expected a line with the column names, then the rows.")
    return tuple(dict(zip(rows[0], row, strict=True)) for row in rows[1:])


def list_tables(kind: str) -> list[str]:
    """The names of the bundled tables of a kind, `'spaces'` or `'maps'`."""
    return sorted(path.stem for path in (_PACKAGE / kind).glob("*.csv"))
