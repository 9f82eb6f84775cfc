"""Training on images that have only some of the labels: teachers predict the missing ones."""

from .averaged_teachers import AveragedTeachers
from .distillation_hook import DistillationHook
from .teacher import Teacher, TeacherError
from .teacher_task import TeacherTask

__all__ = ["AveragedTeachers", "DistillationHook", "Teacher", "TeacherError", "TeacherTask"]
