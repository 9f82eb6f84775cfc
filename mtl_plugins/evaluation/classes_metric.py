from collections.abc import Sequence
from typing import Any

from mtl_plugins.kinds import meta_of_task

from .task_metric import TaskMetric


class ClassesMetric(TaskMetric):
    """Base class of metrics that score each class of a task.

    Args:
        task: Name of the task.
        classes: Names of the classes, or their number; by default the dataset's `METAINFO['task_classes'][task]`, or
            else `METAINFO['classes']`.
        per_class: Whether to log a table of the classes.
        **kwargs: Options of `TaskMetric`.
    """

    def __init__(self, task: str, classes: Sequence[str] | int | None = None, per_class: bool = True, **kwargs: Any):
        super().__init__(task, **kwargs)
        self._classes = classes
        self.per_class = per_class

    @property
    def classes(self) -> list[str]:
        """Names of the classes."""
        classes = self._classes
        if classes is None:
            classes = meta_of_task(self.task, self.metainfo).get("classes") or self.metainfo.get("classes")
        if classes is None:
            raise ValueError(
                f"{type(self).__name__} of {self.task!r} needs the classes: the dataset's METAINFO has no 'classes'. "
                "Add them there, or give classes=[...] to the metric."
            )
        return [str(c) for c in range(classes)] if isinstance(classes, int) else list(classes)

    def class_table(self, columns: dict[str, Sequence[float]]) -> str:
        """A table with one row per class.

        Args:
            columns: Percentages of the classes by title, NaN for classes that do not occur.
        """
        classes = self.classes
        width = max(map(len, [*classes, "class"]))
        lines = [f"{'class':<{width}} " + " ".join(f"{title:>7}" for title in columns)]
        lines += [
            f"{name:<{width}} " + " ".join(map(_cell, row))
            for name, *row in zip(classes, *columns.values(), strict=True)
        ]
        return "\n".join(lines)


def _cell(percent: float) -> str:
    return f"{percent:7.2f}" if percent == percent else f"{'-':>7}"  # NaN: the class does not occur
