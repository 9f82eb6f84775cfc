"""Which cell of a panel shows which map."""

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

WIDE = 2.0  # width / height from which an image is wide


class Cell(NamedTuple):
    """One cell: the map of a task in a row (`'ground truth'` or `'prediction'`), the image, or the colour keys."""

    task: str | None
    row: str | None = None


IMAGE = Cell(None)
KEYS = Cell(None, "keys")


def is_wide(height: int, width: int) -> bool:
    """Whether images of this size are drawn one below the other."""
    return width >= WIDE * height


def arrange_cells(wide: bool, tasks: Sequence[str], rows: Mapping[str, Collection[str]]) -> list[list[Cell]]:
    """Arrange the image and the maps of all tasks in a grid without empty cells.

    Args:
        wide: Whether the image is wide.
        tasks: All tasks, in order.
        rows: `{row: the tasks that have a map}`.

    Returns:
        Rows of cells. For wide images there is one cell per row: no cell for a missing map, unless the task has none at
        all. Otherwise each task is a column; the first column is the image and, below it, the colour keys.
    """
    if wide:
        shown = {task: [row for row, present in rows.items() if task in present] or [*rows][:1] for task in tasks}
        return [[IMAGE], *([Cell(task, row)] for task in tasks for row in shown[task])]
    first_column = [IMAGE, *[KEYS] * (len(rows) - 1)]
    if not rows:
        return [first_column]
    return [[first, *(Cell(task, row) for task in tasks)] for first, row in zip(first_column, rows, strict=True)]
