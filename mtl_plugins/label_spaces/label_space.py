import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mtl_plugins.files import shorten

from .csv_tables import list_tables, read_table

Colour = tuple[int, int, int]

#: The largest id that a 16-bit label file can contain.
LARGEST_ID = 65_535


@dataclass(frozen=True)
class LabelSpace:
    """The classes of a set of labels: their names, their ids in files, and their colours."""

    name: str
    classes: tuple[str, ...]
    ids: tuple[int, ...]
    palette: tuple[Colour, ...]  # RGB; empty if the space has no colours

    @property
    def metainfo(self) -> dict[str, Any]:
        """`classes` and `palette`, as in the `METAINFO` of a dataset."""
        return dict(classes=self.classes, palette=self.palette)


def label_space(name: str | Path) -> LabelSpace:
    """Get a label space by name or by the path of its CSV file.

    The file has the columns `id`, `name` and `colour` (`#rrggbb`, or empty in all rows).

    Args:
        name: `'nyud40'`, `'cityscapes19'`, `'kitti6'`, …, or the path of a CSV file.

    Raises:
        FileNotFoundError: The space does not exist; the message suggests similar names.
        ValueError: The file has another format.

    Examples:
        >>> label_space("kitti6").classes
        ('sky', 'building', 'road', 'sidewalk', 'vegetation', 'car')
    """
    rows = read_table("spaces", name)
    try:
        classes, ids, colours = zip(*((row["name"], _parse_id(row["id"]), row["colour"]) for row in rows), strict=True)
        palette = tuple(_parse_colour(text) for text in colours) if any(colours) else ()
    except (KeyError, ValueError) as error:
        problem = f"the column {error} is missing" if isinstance(error, KeyError) else str(error)
        raise ValueError(
            f"{name} is not a label space ({problem}): it needs the columns id, name, colour (#rrggbb)."
        ) from None
    for what, values in (("name", classes), ("id", ids)):
        if len(set(values)) < len(values):
            twice = next(value for value in values if values.count(value) > 1)
            raise ValueError(f"the label space {name} has the {what} {twice!r} twice.")
    return LabelSpace(Path(name).stem, classes, ids, palette)


def list_label_spaces() -> list[str]:
    """The names of the bundled label spaces."""
    return list_tables("spaces")


def _parse_id(text: str) -> int:
    if not re.fullmatch("[0-9]{1,5}", text) or int(text) > LARGEST_ID:
        raise ValueError(f"{shorten(text)} is not an id from 0 to {LARGEST_ID}")
    return int(text)


def _parse_colour(text: str) -> Colour:
    if not re.fullmatch("#[0-9a-fA-F]{6}", text):
        raise ValueError(f"{shorten(text)} is not a colour such as #80c000")
    red, green, blue = bytes.fromhex(text[1:])
    return red, green, blue
