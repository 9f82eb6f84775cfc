from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .csv_tables import list_tables, read_table

Colour = tuple[int, int, int]


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
        classes, ids, colours = zip(*((row["name"], int(row["id"]), row["colour"]) for row in rows), strict=True)
        palette = tuple(_parse_colour(text) for text in colours) if any(colours) else ()
    except (KeyError, ValueError) as error:
        raise ValueError(
            f"{name} is not a label space ({error}): it needs the columns id, name, colour (#rrggbb)."
        ) from None
    for what, values in (("name", classes), ("id", ids)):
        if len(set(values)) < len(values):
            twice = next(value for value in values if values.count(value) > 1)
            raise ValueError(f"the label space {name} has the {what} {twice!r} twice.")
    return LabelSpace(Path(name).stem, classes, ids, palette)


def list_label_spaces() -> list[str]:
    """The names of the bundled label spaces."""
    return list_tables("spaces")


def _parse_colour(text: str) -> Colour:
    if len(text) != 7 or text[0] != "#":
        raise ValueError(f"{text!r} is not a colour such as #80c000")
    red, green, blue = bytes.fromhex(text[1:])
    return red, green, blue
