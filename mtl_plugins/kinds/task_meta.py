"""The part of a dataset's METAINFO that describes one task."""

from collections.abc import Mapping
from typing import Any

_NAMED_TASK = "semseg"  # `classes` and `palette` belong to this task


def meta_of_task(task: str, meta: Mapping[str, Any]) -> dict[str, Any]:
    """The part of METAINFO that describes a task.

    `classes` and `palette` are those of `semseg`. `task_classes`, `{task: names}`, contains the classes of other tasks.

    Args:
        task: Name of the task.
        meta: METAINFO of the dataset.

    Returns:
        A dict with `classes` and `palette`; empty if nothing is known about the task.

    Examples:
        >>> meta_of_task("scene", {"task_classes": {"scene": ("kitchen", "office")}})
        {'classes': ('kitchen', 'office')}
    """
    if task == _NAMED_TASK:
        return {"classes": meta.get("classes"), "palette": meta.get("palette")}
    names = (meta.get("task_classes") or {}).get(task)
    return {} if names is None else {"classes": names}
