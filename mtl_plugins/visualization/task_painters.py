"""Painting a task: by a painter that is registered for its name, else as its kind is painted."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from mtl_plugins.kinds import ColourBar, Painted, kind_of_task, meta_of_task

__all__ = ["TASK_PAINTERS", "ColourBar", "Painted", "paint_task", "register_task_painter"]

#: Paints the maps (C, H, W) of one image; its second argument is the dataset's METAINFO
TaskPainter = Callable[[Sequence[np.ndarray], Mapping[str, Any]], Painted]

TASK_PAINTERS: dict[str, TaskPainter] = {}


def register_task_painter(task: str) -> Callable[[TaskPainter], TaskPainter]:
    """Decorator that registers a function as the painter of a task.

    The function receives `maps`, the arrays (C, H, W) of one image (ground truth, prediction or both, so that they can
    share one range of colours), and `meta`, the dataset's METAINFO. It returns `Painted`.
    """

    def register(function: TaskPainter) -> TaskPainter:
        TASK_PAINTERS[task] = function
        return function

    return register


def paint_task(task: str, maps: Sequence[np.ndarray], meta: Mapping[str, Any] | None = None) -> Painted:
    """Paint the maps of one task.

    Args:
        task: Name of the task.
        maps: Arrays (C, H, W) of one image.
        meta: The dataset's METAINFO; `meta["kinds"]`, `{task: kind}`, states the kinds of tasks with other names.
    """
    meta = meta or {}
    if task in TASK_PAINTERS:
        return TASK_PAINTERS[task](maps, meta)
    return kind_of_task(task, maps, meta.get("kinds")).paint(maps, meta_of_task(task, meta))
