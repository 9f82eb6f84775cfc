from collections.abc import Sequence
from dataclasses import dataclass, fields

import torch
from torch import Tensor

from mtl_plugins.functional.pseudo_labels import class_labels, depth_labels, normal_labels
from mtl_plugins.label_spaces import class_map, label_space

KINDS = dict(semseg="classes", depth="depth", normals="normals")  # of the tasks that everyone has


@dataclass
class TeacherTask:
    """How a teacher's scores for one task become labels.

    Labels are rounded as they would be in a file, so that training from files (``tools/pseudo_label.py``) is the same.

    Args:
        kind: ``'classes'``, ``'depth'``, ``'normals'`` or ``'map'`` (values as they are); known for the usual tasks.
        teacher_task: The teacher's own name for it, where that differs.
        confidence: Classes: pixels whose probability is less are void.
        weight: Of the loss on these labels, against 1 for real ones.
        class_map: ``(source, target)`` label spaces, or also the path of a CSV file as third: from the teacher's
            classes to the dataset's.
        scale: Depth: steps in a metre; NYUDv2's files have 5000, KITTI's 256.
        max_depth: Depth: beyond it there is no label, metres.
        soft: Whether the raw output is handed on too, for the head's ``soft_loss``.
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
        """The settings for ``task``.

        Raises:
            ValueError: an option that is not known, or one that makes no sense.
        """
        options = dict(options or {})
        known = [field.name for field in fields(cls)]
        unknown = [name for name in options if name not in known]
        if unknown:
            raise ValueError(f"a teacher's task {task!r} has no option {unknown[0]!r}; it takes: {', '.join(known)}.")
        setting = cls(**options)
        setting.kind = setting.kind or KINDS.get(task, "map")
        setting.teacher_task = setting.teacher_task or task
        if not 0 <= setting.confidence <= 1:
            raise ValueError(f"the teacher's {task}.confidence={setting.confidence}: 0 (all pixels) to 1.")
        if setting.weight < 0 or setting.scale <= 0:
            raise ValueError(
                f"the teacher's {task}: weight={setting.weight} is 0 or more, scale={setting.scale} above 0."
            )
        return setting

    @property
    def lut(self) -> Tensor | None:
        """The table of ``class_map``."""
        return None if self.class_map is None else torch.from_numpy(class_map(*self.class_map))

    @property
    def source_classes(self) -> int | None:
        """How many classes a teacher with this map has."""
        return None if self.class_map is None else len(label_space(self.class_map[0]).classes)

    def labels(self, scores: Tensor) -> tuple[Tensor, Tensor | None]:
        """Labels (N, K, H, W) of scores, and their confidence (N, 1, H, W) uint8, where the kind has one."""
        if self.kind == "classes":
            lut = self.lut
            return class_labels(scores, self.confidence, None if lut is None else lut.to(scores.device))
        if self.kind == "depth":
            return depth_labels(scores, self.scale, self.max_depth), None
        # a copy: a loss can't keep tensors of inference mode for its backward pass
        return (normal_labels(scores) if self.kind == "normals" else scores.clone()), None
