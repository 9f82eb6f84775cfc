from collections.abc import Mapping, Sequence
from typing import Any

import torch
from mmengine.structures import BaseDataElement
from torch import Tensor

from mtl_plugins.functional.average_classes import average_classes

from .teacher import Teacher, TeacherError
from .teacher_task import TeacherTask

_OPTIONS_OF_MEMBERS = ("class_map", "teacher_task")


class AveragedTeachers:
    """Several teachers of the same tasks, whose predictions are averaged. `DistillationHook` uses it like a `Teacher`.

    Classes are averaged in the label space of the student; each teacher converts its own with its `class_map`. A class
    is averaged over the teachers that have a counterpart of it; see `average_classes`. Metres, vectors and other
    numbers are averaged over all teachers.

    Args:
        average: Configs of the teachers (`Teacher`), each with all of `tasks`. Of the options of their tasks only
            `class_map` and `teacher_task` count.
        tasks: The tasks, with options of the averaged prediction by name: those of `TeacherTask` except `class_map`,
            `teacher_task` and `soft`. Classes need a `confidence` above 0, which marks pixels without a class.
        datasets: The datasets whose images they label, if there are several; by default all.
        name: Name in messages.

    Raises:
        ValueError: Fewer than two teachers, or a teacher without one of the tasks, or invalid options.
    """

    features: list[Tensor] | None = None  # `hint` needs a single teacher

    def __init__(
        self,
        average: Sequence[Mapping[str, Any]],
        tasks: Sequence[str] | Mapping[str, Mapping | None],
        datasets: Sequence[str] | None = None,
        name: str | None = None,
    ):
        options = tasks if isinstance(tasks, Mapping) else dict.fromkeys(tasks)
        self.tasks: dict[str, TeacherTask] = {
            task: TeacherTask.of(task, dict(setting or {})) for task, setting in options.items()
        }
        self._check(average, options)
        self.members = [Teacher(**dict(config)) for config in average]
        self.name: str = name or " + ".join(member.name for member in self.members)
        self.flip, self.input_size = [m.flip for m in self.members], [m.input_size for m in self.members]
        self.datasets = None if datasets is None else set(datasets)
        for task, setting in self.tasks.items():
            kinds = {member.tasks[task].kind for member in self.members}
            if len(kinds) > 1:
                raise ValueError(
                    f"AveragedTeachers: the teachers predict {task} as {' and '.join(sorted(map(str, kinds)))}, which "
                    "cannot be averaged."
                )
            if not (options[task] or {}).get("kind"):
                setting.kind = kinds.pop()
            if setting.task_kind.has_classes and not setting.confidence:
                raise ValueError(
                    f"AveragedTeachers: {task} needs a confidence above 0, such as tasks=dict({task}=dict(confidence="
                    "0.5)): pixels without a class have the probability 0."
                )

    def _check(self, average: Sequence[Mapping[str, Any]], options: Mapping[str, Mapping | None]) -> None:
        if len(average) < 2:
            raise ValueError(f"AveragedTeachers needs at least two teachers, but average has {len(average)}.")
        for config in average:
            missing = [task for task in self.tasks if task not in config.get("tasks", ())]
            if missing or config.get("hint") or config.get("ema") or config.get("datasets"):
                raise ValueError(
                    f"AveragedTeachers: each teacher needs all of the tasks {', '.join(self.tasks)}, and none of the "
                    f"options hint, ema and datasets (set datasets next to average); given: {dict(config)}."
                )
        for task, setting in options.items():
            wrong = [option for option in (*_OPTIONS_OF_MEMBERS, "soft") if (setting or {}).get(option)]
            if wrong:
                raise ValueError(
                    f"AveragedTeachers: {wrong[0]} of {task} belongs to each of the teachers in average, if to any."
                )

    def to(self, device: torch.device | str) -> "AveragedTeachers":
        """Move the teachers to a device; see `Teacher.to`."""
        for member in self.members:
            member.to(device)
        return self

    def applies_to(self, sample: BaseDataElement) -> bool:
        """Whether they label images of the sample's dataset."""
        return self.datasets is None or sample.get("dataset") in self.datasets

    def scores(
        self, images: Sequence[Tensor], samples: Sequence[BaseDataElement], tasks: Sequence[str]
    ) -> dict[str, list[Tensor]]:
        """The averaged scores; see `Teacher.scores`."""
        found = [member.scores(images, samples, tasks) for member in self.members]
        return {
            task: [self._average(task, [scores[task][i] for scores in found]) for i in range(len(images))]
            for task in tasks
        }

    def _average(self, task: str, scores: Sequence[Tensor]) -> Tensor:
        if self.tasks[task].task_kind.has_classes:
            luts = [member.tasks[task].label_options.lut for member in self.members]
            placed = [None if lut is None else lut.to(scores[0].device) for lut in luts]
            return average_classes([score[None] for score in scores], placed)[0]
        shapes = {tuple(score.shape) for score in scores}
        if len(shapes) > 1:
            raise TeacherError(f"The teachers {self.name} predict {task} with different shapes: {sorted(shapes)}.")
        return torch.stack(list(scores)).mean(0)
