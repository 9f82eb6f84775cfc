"""Settings for turning a teacher's scores into labels and for storing labels in files."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import torch
from torch import Tensor

from mtl_plugins.label_spaces import class_map


@dataclass(frozen=True)
class LabelOptions:
    """How scores become a label and how the label is stored. Each kind uses the options in its `label_options`.

    Args:
        confidence: Classes: pixels with a lower probability become void; 0 to 1.
        class_map: Classes: `(source, target)` label spaces, or `(source, target, CSV file)`; maps the teacher's classes
            to those of the dataset.
        num_classes: Classes: number of classes that a file may contain; `None` to skip the check.
        scale: Depth: steps per metre in a 16-bit PNG; 5000 in NYUDv2's files, 256 in KITTI's.
        max_depth: Depth: pixels beyond this many metres get no label.
    """

    confidence: float = 0.0
    class_map: Sequence[str] | None = None
    num_classes: int | None = None
    scale: float = 5000.0
    max_depth: float | None = None

    @classmethod
    def from_dict(cls, options: Mapping[str, Any]) -> "LabelOptions":
        """Take the known options from a dict and ignore its other keys."""
        known = {field.name for field in fields(cls)}
        return cls(**{name: value for name, value in options.items() if name in known})

    @property
    def lut(self) -> Tensor | None:
        """The look-up table of `class_map`, uint8; 255 for classes without a counterpart."""
        return torch.from_numpy(class_map(*self.class_map)) if self.class_map else None


DEFAULT_OPTIONS = LabelOptions()
