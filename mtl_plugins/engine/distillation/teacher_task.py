"""How a teacher's scores for one task become labels."""

from collections.abc import Sequence
from dataclasses import dataclass, fields

from torch import Tensor

from mtl_plugins.kinds import Kind, LabelOptions, find_kind, kind_of_task
from mtl_plugins.label_spaces import label_space


@dataclass
class TeacherTask:
    """How a teacher's scores for one task become labels.

    Labels are rounded as they would be in a file, so training from files (`mtl pseudo-label`) gives the same
    result.

    Args:
        kind: A name in `mtl_plugins.kinds`, such as `'classes'`, `'metric_depth'`, `'unit_vectors'` or `'numbers'`. By
            default it follows from the task's name; unknown tasks are numbers.
        teacher_task: The teacher's name for the task, if it differs.
        confidence: Classes: pixels with a lower probability become void.
        weight: Weight of the loss on these labels; real labels have 1.
        class_map: `(source, target)` label spaces, or `(source, target, CSV file)`; maps the teacher's classes to those
            of the dataset.
        scale: Depth: steps per metre; 5000 in NYUDv2's files, 256 in KITTI's.
        max_depth: Depth: pixels beyond this many metres get no label.
        soft: Whether to pass on the scores as well, for the head's `soft_loss`.
    """

    kind: str | None = None
    teacher_task: str | None = None
    confidence: float = 0.0
    weight: float = 1.0
    class_map: Sequence[str] | None = None
    scale: float = 5000.0
    max_depth: float | None = None
    soft: bool = False

    @classmethod
    def of(cls, task: str, options: dict | None) -> "TeacherTask":
        """Create the settings of `task` from a config.

        Raises:
            ValueError: An option is unknown or has an invalid value.
        """
        options = dict(options or {})
        known = [field.name for field in fields(cls)]
        unknown = [name for name in options if name not in known]
        if unknown:
            raise ValueError(
                f"The teacher's task {task!r} has no option {unknown[0]!r}. Its options are: {', '.join(known)}."
            )
        setting = cls(**options)
        setting.kind = (find_kind(setting.kind) if setting.kind else kind_of_task(task)).name
        setting.teacher_task = setting.teacher_task or task
        if not 0 <= setting.confidence <= 1:
            raise ValueError(f"The teacher's {task}.confidence={setting.confidence} must lie between 0 and 1.")
        if setting.weight < 0 or setting.scale <= 0:
            raise ValueError(
                f"The teacher's {task}: weight={setting.weight} must be 0 or more and scale={setting.scale} above 0."
            )
        return setting

    @property
    def task_kind(self) -> Kind:
        """The kind that `kind` names."""
        return find_kind(self.kind or "numbers")

    @property
    def label_options(self) -> LabelOptions:
        """The options for rounding and storing labels."""
        return LabelOptions(
            confidence=self.confidence, class_map=self.class_map, scale=self.scale, max_depth=self.max_depth
        )

    @property
    def source_classes(self) -> int | None:
        """Number of classes of a teacher that fits `class_map`, `None` without one."""
        return len(label_space(self.class_map[0]).classes) if self.class_map else None

    def labels(self, scores: Tensor) -> tuple[Tensor, Tensor | None]:
        """Convert scores (N, K, H, W) to labels and, for classes, their confidence, uint8 (N, 1, H, W)."""
        return self.task_kind.to_label(scores, self.label_options)
