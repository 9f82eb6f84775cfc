from dataclasses import dataclass
from pathlib import Path

from .csv_tables import list_tables, read_table


@dataclass(frozen=True)
class LabelSpace:
    """The classes of a set of labels: their names, the ids that stand for them in files, their colours."""

    name: str
    classes: tuple[str, ...]
    ids: tuple[int, ...]
    palette: tuple[tuple[int, int, int], ...]  # RGB; empty where the space has no colours

    @property
    def metainfo(self) -> dict:
        """``classes`` and ``palette``, as a dataset's ``METAINFO`` has them."""
        return dict(classes=self.classes, palette=self.palette)


def label_space(name: str | Path) -> LabelSpace:
    """A label space by name (``'nyud40'``, ``'cityscapes19'``, ``'kitti6'``, ...) or by the path of its CSV file.

    The file has the columns ``id``, ``name`` and ``colour`` (``#rrggbb``, or empty in all rows).

    Raises:
        FileNotFoundError: no such space; the nearest names are told.
        ValueError: a file that is not such a table.
    """
    rows = read_table("spaces", name)
    try:
        classes, ids, colours = zip(*((row["name"], int(row["id"]), row["colour"]) for row in rows), strict=True)
        palette = tuple(_colour(text) for text in colours) if any(colours) else ()
    except (KeyError, ValueError) as error:
        raise ValueError(f"{name} is no label space ({error}): its columns are id, name, colour (#rrggbb).") from None
    for what, values in (("name", classes), ("id", ids)):
        if len(set(values)) < len(values):
            twice = next(value for value in values if values.count(value) > 1)
            raise ValueError(f"the label space {name} has the {what} {twice!r} twice.")
    return LabelSpace(Path(name).stem, classes, ids, palette)


def list_label_spaces() -> list[str]:
    """The names that ``label_space`` knows."""
    return list_tables("spaces")


def _colour(text):
    if len(text) != 7 or text[0] != "#":
        raise ValueError(f"{text!r} is no colour such as #80c000")
    return tuple(bytes.fromhex(text[1:]))
