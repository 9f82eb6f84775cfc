from collections.abc import Sequence

import torch
import torch.nn.functional as F
from mmengine.hooks import EMAHook, Hook
from mmengine.structures import BaseDataElement, PixelData
from torch import Tensor, nn

from mtl_plugins.registry import HOOKS

from ..unwrap_model import unwrap_model
from .teacher import Teacher, TeacherError


@HOOKS.register_module()
class DistillationHook(Hook):
    """Fills the labels that images lack with teachers' answers, before each training step (hard distillation,
    Nekrasov et al., ICRA 2019).

    A label that is there is never touched, and only the images that lack one are run through its teacher, as the
    student sees them: augmented. A task may have several teachers; the first that answers for an image counts. A
    filled label stands in the sample's metainfo under ``pseudo``. Validation sees none.

    Args:
        teachers: Configs of `Teacher`; ``dict(ema=True, tasks=...)`` is the averaged student itself (``EMAHook``).
        start: Iterations before the first pseudo-label.
        warm_up: Iterations over which their weight then grows from 0 to its full size.
    """

    def __init__(self, teachers: Sequence[dict], start: int = 0, warm_up: int = 0):
        if not teachers or min(start, warm_up) < 0:
            raise ValueError(
                f"DistillationHook needs at least one teacher, and start and warm_up of 0 or more; given: "
                f"{len(teachers)} teachers, start={start}, warm_up={warm_up}."
            )
        self.configs = [dict(teacher) for teacher in teachers]
        self.start, self.warm_up = start, warm_up
        #: what LabelPresenceHook need not look for in the data
        self.tasks = {task for teacher in self.configs for task in teacher.get("tasks", ())}
        self.teachers: list[Teacher] = []
        self._heads = {}

    def before_train(self, runner):
        model = unwrap_model(runner.model)
        self.prepare(model, runner.hooks)

    def prepare(self, model: nn.Module, hooks: Sequence[Hook] = ()) -> None:
        """Build the teachers for a student; ``hooks``: of its training, among which ``ema=True`` finds the EMAHook."""
        self._heads = dict(getattr(model, "heads", {}))
        unknown = sorted(self.tasks - set(self._heads))
        if unknown:
            raise ValueError(
                f"DistillationHook: a teacher labels {', '.join(unknown)}, but the model has the heads "
                f"{', '.join(self._heads)} alone."
            )
        self._check_hint(model)
        device = next(model.parameters()).device
        self.teachers = [self._build(config, hooks).to(device) for config in self.configs]

    def _check_hint(self, model):
        gives, takes = any(config.get("hint") for config in self.configs), getattr(model, "hint", None) is not None
        if gives and not takes:
            raise ValueError(
                "DistillationHook: a teacher has hint=True, but the student compares nothing with it: add "
                "model.hint=dict(type='FeatureHint', teacher_channels=...), or leave hint=True out."
            )
        if takes and not gives:
            raise ValueError(
                "DistillationHook: the student has model.hint, but no teacher gives its features: add hint=True to "
                "one of them, or leave model.hint out."
            )

    def _build(self, config, hooks):
        if not config.pop("ema", False):
            return Teacher(**config)
        averaged = [hook for hook in hooks if isinstance(hook, EMAHook)]
        if not averaged:
            raise ValueError(
                "DistillationHook: a teacher with ema=True is the averaged model of an EMAHook: add "
                "dict(type='EMAHook', ema_type='ExponentialMovingAverage') to custom_hooks."
            )
        return Teacher(model=averaged[0].ema_model.module, channels_last=False, name="the averaged student", **config)

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        grown = self.growth(runner.iter)
        if grown > 0:
            self.fill(data_batch, grown)

    def growth(self, iteration: int) -> float:
        """0 ... 1: the share of their full weight that pseudo-labels have in an iteration."""
        if iteration < self.start:
            return 0.0
        return min(1.0, (iteration - self.start + 1) / self.warm_up) if self.warm_up else 1.0

    def fill(self, data_batch: dict, growth: float = 1.0) -> None:
        """Fill what the batch lacks; samples that gain a label are replaced, so the dataset's own stay as they are."""
        images, samples = data_batch["inputs"], list(data_batch["data_samples"])
        for teacher in self.teachers:
            lacking = {
                task: [i for i, s in enumerate(samples) if task not in s.gt and teacher.answers_for(s)]
                for task in teacher.tasks
            }
            lacking = {task: chosen for task, chosen in lacking.items() if chosen}
            if not lacking:
                continue
            asked = sorted(set().union(*lacking.values()))
            for i in asked:
                samples[i] = _opened(samples[i])
            answers = teacher.scores([images[i] for i in asked], [samples[i] for i in asked], tuple(lacking))
            for task, chosen in lacking.items():
                found = [answers[task][asked.index(i)] for i in chosen]
                self._label(teacher, task, found, [samples[i] for i in chosen], growth)
            for position, i in enumerate(asked):
                if teacher.features is not None:
                    samples[i].set_data({"hint": teacher.features[position]})
        data_batch["data_samples"] = samples

    def _label(self, teacher, task, scores, samples, growth):
        setting = teacher.tasks[task]
        for score, sample in zip(scores, samples, strict=True):
            self._check_classes(teacher, task, setting, score, sample)
            [label], _ = setting.labels(score[None])
            sample.gt.set_data({task: label})
            pseudo = (*sample.get("pseudo", ()), task)
            weights = dict(sample.get("label_weights", {}), **{task: setting.weight * growth})
            sample.set_metainfo(dict(pseudo=pseudo, label_weights=weights))
            if setting.soft:
                sample.soft.set_field(_softened(score, setting.kind, self._heads[task]), task)

    def _check_classes(self, teacher, task, setting, score, sample):
        if setting.kind != "classes":
            return
        head = self._heads[task]
        empty = torch.empty(1, head.out_channels, 1, 1)
        own = head.select(empty, sample.get("dataset")).shape[1] if getattr(head, "datasets", ()) else head.out_channels
        given = len(score) if setting.class_map is None else int(setting.lut[setting.lut != 255].max()) + 1
        if given != own and (setting.class_map is None or given > own):
            raise TeacherError(
                f"the teacher {teacher.name} answers {task} with {given} classes, but the head has {own}"
                + (f" for the dataset {sample.dataset!r}" if "dataset" in sample else "")
                + ". Give the teacher's task a class_map=(SOURCE, TARGET) between the two label spaces."
            )


def _opened(sample):
    """A copy that may be written to: metainfo, labels and soft targets of its own, the same tensors."""
    gt = PixelData(metainfo=sample.gt.metainfo, **dict(sample.gt.items()))
    copied = BaseDataElement(metainfo=sample.metainfo, **{k: v for k, v in sample.items() if k != "gt"})
    copied.set_data({"gt": gt})
    if "soft" not in copied:
        copied.set_data({"soft": BaseDataElement()})
    return copied


def _softened(score: Tensor, kind: str, head) -> Tensor:
    """A teacher's scores (K, H, W) at the head's stride; of classes, their logarithm."""
    size = [-(-n // head.stride) for n in score.shape[-2:]]
    small = F.interpolate(score[None], size, mode="bilinear", align_corners=False, antialias=True)[0]
    return small.clamp(min=1e-7).log() if kind == "classes" else small
