"""Reads the CSV files of this package: `#` lines are comments, the first other line names the columns."""

import csv
from functools import cache
from pathlib import Path

from mtl_plugins.did_you_mean import did_you_mean
from mtl_plugins.files import DataError, read_lines, shorten

_PACKAGE = Path(__file__).parent
_FORMAT = "Expected a line with the names of the columns, then the rows; commas separate the cells"


def read_table(kind: str, name: str | Path) -> tuple[dict[str, str], ...]:
    """Read the rows of a table.

    Args:
        kind: `'spaces'` or `'maps'`.
        name: Name of a bundled table, or the path of a CSV file.

    Raises:
        FileNotFoundError: The table does not exist; the message suggests similar names.
        DataError: The file is not UTF-8, has no rows, names a column twice, or has a row of another length.
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
    lines = list(read_lines(path))
    reader = csv.reader([line.text for line in lines], strict=True)
    rows: list[tuple[str, list[str]]] = []  # (place, cells)
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):  # a row of empty cells, as spreadsheets write them
                rows.append((lines[reader.line_num - 1].place, [cell.strip() for cell in cells]))
    except csv.Error as error:
        raise DataError(f"{lines[reader.line_num - 1].place}: {error}. {_FORMAT}.") from None
    if len(rows) < 2:
        raise DataError(f"{path} is not a table: it has no rows. {_FORMAT}.")
    (place, header), *others = rows
    if len(set(header)) < len(header):
        raise DataError(f"{place}: a column occurs twice in {shorten(header)}.")
    for place, cells in others:
        if len(cells) != len(header):
            raise DataError(f"{place}: the row {shorten(cells)} has another length than {shorten(header)}. {_FORMAT}.")
    return tuple(dict(zip(header, cells, strict=True)) for _, cells in others)


def list_tables(kind: str) -> list[str]:
    """The names of the bundled tables of a kind, `'spaces'` or `'maps'`."""
    return sorted(path.stem for path in (_PACKAGE / kind).glob("*.csv"))
