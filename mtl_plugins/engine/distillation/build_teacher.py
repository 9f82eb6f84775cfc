from collections.abc import Mapping
from typing import Any

from .averaged_teachers import AveragedTeachers
from .teacher import Teacher

#: What labels images: one network, or the average of several.
AnyTeacher = Teacher | AveragedTeachers


def build_teacher(config: Mapping[str, Any]) -> AnyTeacher:
    """Build a teacher from its config: `AveragedTeachers` if it has `average`, else `Teacher`."""
    return AveragedTeachers(**config) if "average" in config else Teacher(**config)
