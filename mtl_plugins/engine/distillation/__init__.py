"""Training on images that carry only some of the labels: teachers answer for those that are missing."""

from .distillation_hook import DistillationHook
from .teacher import Teacher, TeacherError
from .teacher_task import TeacherTask

__all__ = ["DistillationHook", "Teacher", "TeacherError", "TeacherTask"]
