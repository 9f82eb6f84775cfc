import math
from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from mmengine.hooks import EMAHook, Hook
from mmengine.runner import Runner
from mmengine.structures import BaseDataElement
from torch import Tensor, nn

from mtl_plugins.label_spaces import VOID
from mtl_plugins.registry import HOOKS
from mtl_plugins.structures import TaskData
from mtl_plugins.unwrap_model import unwrap_model

from .build_teacher import AnyTeacher, build_teacher
from .teacher import Teacher, TeacherError
from .teacher_task import TeacherTask


@HOOKS.register_module()
class DistillationHook(Hook):
    """Fills missing labels with the predictions of teachers before each training step.

    This is hard distillation as in Nekrasov et al., ICRA 2019. Existing labels never change. A teacher only sees the
    images without one of its labels, augmented as the student sees them. If several teachers predict a task, the
    first one that labels the image's dataset is used. The names of filled labels are listed in the sample's metainfo
    as `pseudo`. Validation is not affected.

    Args:
        teachers: Configs of `Teacher`. `dict(ema=True, tasks=...)` is the averaged student of the run's `EMAHook`;
            `dict(average=[...], tasks=...)` averages the predictions of several teachers (`AveragedTeachers`).
        start: Iterations before the first pseudo-label.
        warm_up: Iterations over which the weight of pseudo-labels then grows from 0 to its full value.
    """

    def __init__(self, teachers: Sequence[dict], start: int = 0, warm_up: int = 0):
        if not teachers or min(start, warm_up) < 0:
            raise ValueError(
                "DistillationHook needs at least one teacher, and start and warm_up of 0 or more; given: "
                f"{len(teachers)} teachers, start={start}, warm_up={warm_up}."
            )
        self.configs = [dict(teacher) for teacher in teachers]
        self.start, self.warm_up = start, warm_up
        #: The tasks whose labels may be missing in the data
        self.tasks: set[str] = {task for teacher in self.configs for task in teacher.get("tasks", ())}
        self.teachers: list[AnyTeacher] = []
        self._heads: dict[str, nn.Module] = {}

    def before_train(self, runner: Runner) -> None:
        """Build the teachers."""
        model = unwrap_model(runner.model)
        self.prepare(model, runner.hooks)

    def prepare(self, model: nn.Module, hooks: Sequence[Hook] = ()) -> None:
        """Build the teachers for a student.

        Args:
            model: The student.
            hooks: The hooks of its training; a teacher with `ema=True` uses the `EMAHook`.
        """
        self._heads = dict(getattr(model, "heads", {}))
        unknown = sorted(self.tasks - set(self._heads))
        if unknown:
            raise ValueError(
                f"DistillationHook: a teacher labels {', '.join(unknown)}, but the model only has the heads "
                f"{', '.join(self._heads)}."
            )
        self._check_hint(model)
        device = next(model.parameters()).device
        self.teachers = [self._build(config, hooks).to(device) for config in self.configs]

    def _check_hint(self, model: nn.Module) -> None:
        given = any(config.get("hint") for config in self.configs)
        used = getattr(model, "hint", None) is not None
        if given and not used:
            raise ValueError(
                "DistillationHook: a teacher has hint=True, but the student does not use its features. Add "
                "model.hint=dict(type='FeatureHint', teacher_channels=...), or remove hint=True."
            )
        if used and not given:
            raise ValueError(
                "DistillationHook: the student has model.hint, but no teacher provides features. Add hint=True to one "
                "of the teachers, or remove model.hint."
            )

    def _build(self, config: dict, hooks: Sequence[Hook]) -> AnyTeacher:
        config = dict(config)  # `prepare` may be called again
        if "average" in config or not config.pop("ema", False):
            return build_teacher(config)
        averaged = [hook for hook in hooks if isinstance(hook, EMAHook)]
        if not averaged:
            raise ValueError(
                "DistillationHook: a teacher with ema=True is the averaged model of an EMAHook. Add "
                "dict(type='EMAHook', ema_type='ExponentialMovingAverage') to custom_hooks."
            )
        return Teacher(model=averaged[0].ema_model.module, channels_last=False, name="the averaged student", **config)

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: dict | None = None) -> None:
        """Fill the missing labels of the batch."""
        growth = self.growth(runner.iter)
        if growth > 0 and data_batch is not None:
            self.fill(data_batch, growth)

    def growth(self, iteration: int) -> float:
        """The current weight of pseudo-labels, as a share (0 to 1) of their full weight."""
        if iteration < self.start:
            return 0.0
        return min(1.0, (iteration - self.start + 1) / self.warm_up) if self.warm_up else 1.0

    def fill(self, data_batch: dict, growth: float = 1.0) -> None:
        """Fill the missing labels of a batch, in place.

        Samples that receive a label are replaced by copies, so samples that the dataset keeps do not change.

        Args:
            data_batch: `inputs`, a list of uint8 images, and `data_samples`.
            growth: Factor of the pseudo-labels' weight; see `growth`.
        """
        images, samples = data_batch["inputs"], list(data_batch["data_samples"])
        for teacher in self.teachers:
            missing = {
                task: [i for i, sample in enumerate(samples) if task not in sample.gt and teacher.applies_to(sample)]
                for task in teacher.tasks
            }
            missing = {task: indices for task, indices in missing.items() if indices}
            if not missing:
                continue
            chosen = sorted(set().union(*missing.values()))
            for i in chosen:
                samples[i] = _writable_copy(samples[i])
            scores = teacher.scores([images[i] for i in chosen], [samples[i] for i in chosen], tuple(missing))
            for task, indices in missing.items():
                found = [scores[task][chosen.index(i)] for i in indices]
                self._label(teacher, task, found, [samples[i] for i in indices], growth)
            if teacher.features is not None:
                for position, i in enumerate(chosen):
                    samples[i].set_data({"hint": teacher.features[position]})
        data_batch["data_samples"] = samples

    def _label(
        self,
        teacher: AnyTeacher,
        task: str,
        scores: list[Tensor],
        samples: list[BaseDataElement],
        growth: float,
    ) -> None:
        setting = teacher.tasks[task]
        for score, sample in zip(scores, samples, strict=True):
            self._check_classes(teacher, task, setting, score, sample)
            [label], _ = setting.labels(score[None])
            sample.gt.set_data({task: label})
            pseudo = (*sample.get("pseudo", ()), task)
            weights = dict(sample.get("label_weights", {}), **{task: setting.weight * growth})
            sample.set_metainfo(dict(pseudo=pseudo, label_weights=weights))
            if setting.soft:
                sample.soft.set_field(_soft_target(score, setting, self._heads[task]), task)

    def _check_classes(
        self,
        teacher: AnyTeacher,
        task: str,
        setting: TeacherTask,
        score: Tensor,
        sample: BaseDataElement,
    ) -> None:
        if not setting.task_kind.has_classes:
            return
        head, lut = self._heads[task], setting.label_options.lut
        wanted = _classes_of(head, sample.get("dataset"))
        if wanted is None:
            return
        given = len(score) if lut is None else int(lut[lut != VOID].max()) + 1
        if given != wanted and (lut is None or given > wanted):
            raise TeacherError(
                f"The teacher {teacher.name} predicts {given} classes for {task}, but the head has {wanted}"
                + (f" for the dataset {sample.dataset!r}" if "dataset" in sample else "")
                + ". Add class_map=(SOURCE, TARGET) to the teacher's task to convert between the label spaces."
            )


def _classes_of(head: Any, dataset: str | None) -> int | None:
    """Number of classes that a head predicts for images of a dataset; None if it does not state its `out_channels`."""
    if not hasattr(head, "out_channels"):
        return None
    if not getattr(head, "datasets", ()):
        return head.out_channels
    return head.select(torch.empty(1, head.out_channels, 1, 1), dataset).shape[1]


def _writable_copy(sample: BaseDataElement) -> BaseDataElement:
    """A copy with its own metainfo, labels and soft targets, which shares the tensors."""
    gt = TaskData(metainfo=sample.gt.metainfo, **dict(sample.gt.items()))
    copied = BaseDataElement(metainfo=sample.metainfo, **{k: v for k, v in sample.items() if k != "gt"})
    copied.set_data({"gt": gt})
    if "soft" not in copied:
        copied.set_data({"soft": BaseDataElement()})
    return copied


def _soft_target(scores: Tensor, setting: TeacherTask, head: Any) -> Tensor:
    """A teacher's scores (K, H, W), resized to the stride of the student's head, as the target of its soft loss.

    A head without `stride` receives them at their size, and `TaskHead.soft_loss` resizes them.
    """
    if scores.ndim == 3 and hasattr(head, "stride"):
        size = [math.ceil(n / head.stride) for n in scores.shape[-2:]]
        scores = F.interpolate(scores[None], size, mode="bilinear", align_corners=False, antialias=True)[0]
    return setting.task_kind.soft_target(scores)
