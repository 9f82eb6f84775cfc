"""Training on images that have only some of the labels: teachers predict the missing ones."""

from .averaged_teachers import AveragedTeachers
from .build_teacher import AnyTeacher, build_teacher
from .distillation_hook import DistillationHook
from .teacher import Teacher, TeacherError
from .teacher_task import TeacherTask

__all__ = [
    "AnyTeacher",
    "AveragedTeachers",
    "DistillationHook",
    "Teacher",
    "TeacherError",
    "TeacherTask",
    "build_teacher",
]
