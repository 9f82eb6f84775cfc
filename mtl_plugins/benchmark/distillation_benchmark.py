"""The cost of teachers: training with `DistillationHook` compared with the step plus the teachers' forward passes."""

import copy
from collections.abc import Callable, Iterable, Sequence
from operator import add
from statistics import median

from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.optim import OptimWrapper

from mtl_plugins.engine.distillation import DistillationHook, Teacher
from mtl_plugins.models import MultiTaskModel
from mtl_plugins.registry import HOOKS
from mtl_plugins.structures import TaskData

from .section import Section, to_rows
from .timing import alternate, contender
from .training_setting import TrainingSetting


def distillation_config(cfg: Config) -> dict | None:
    """The config of the `DistillationHook`, or None if there is none."""
    hooks = [hook for hook in cfg.get("custom_hooks") or () if hook["type"] in ("DistillationHook", DistillationHook)]
    return hooks[0] if hooks else None


def compare_distillation(
    hook_cfg: dict,
    model: MultiTaskModel,
    optim_wrapper: OptimWrapper,
    samples: Sequence[dict],
    setting: TrainingSetting,
) -> Section:
    """Compare the step on existing labels, the teachers' forward passes, the hook, and the hook with the step.

    The labels that the teachers predict are missing from every second image.

    Args:
        hook_cfg: The config of the hook.
        model: The model to train.
        optim_wrapper: Its optimizer wrapper.
        samples: One batch of packed samples.
        setting: Number of steps and rounds.
    """
    if any(teacher.get("ema") for teacher in hook_cfg["teachers"]):
        return Section("Teachers", notes=("not measured: ema=True needs a Runner",))
    hook = HOOKS.build(hook_cfg)
    hook.prepare(model)
    partly_labelled = pseudo_collate([_without(s, hook.tasks) if i % 2 else s for i, s in enumerate(samples)])
    filled = dict(partly_labelled)
    hook.fill(filled)

    def train(batch: dict) -> None:
        model.train_step(batch, optim_wrapper)

    def fill_and_train() -> None:
        batch = dict(partly_labelled)
        hook.fill(batch)
        train(batch)

    contenders = {
        "step": lambda: train(filled),
        "teachers' forward passes": _forward_passes(hook.teachers, partly_labelled),
        "hook": lambda: hook.fill(dict(partly_labelled)),
        "hook and step": fill_and_train,
    }
    timed = {name: contender(call, model, keep_memory=True) for name, call in contenders.items()}
    times = alternate(timed, setting.rounds, setting.steps)
    step, teachers, filling, both = ([median(turn) for turn in turns] for turns in times.values())
    figures: dict[str, float | bool] = {
        "distillation_overhead_percent": _excess_percent(both, step, teachers),
        "distillation_hook_overhead_percent": _excess_percent(map(add, filling, step), step, teachers),
    }
    note = (
        "compared with the step plus the forward passes, hook and step together take {:.1f} % more, "
        "timed separately {:.1f} %"
    )
    rows = to_rows(times, len(samples), "distillation: ")
    return Section("Teachers in training", rows, figures, (note.format(*figures.values()),))


def _excess_percent(total: Iterable[float], *parts: Iterable[float]) -> float:
    """By how many percent a time exceeds the sum of its parts: the median over the rounds."""
    return 100 * (median(one / sum(others) for one, *others in zip(total, *parts, strict=True)) - 1)


def _without(sample: dict, tasks: Iterable[str]) -> dict:
    """A packed sample without the labels of some tasks."""
    data = copy.copy(sample["data_samples"])
    labels = {task: label for task, label in data.gt.items() if task not in tasks}
    data.gt = TaskData(**labels)
    return dict(sample, data_samples=data)


def _forward_passes(teachers: Sequence[Teacher], batch: dict) -> Callable[[], None]:
    """Only the teachers' networks, on the images without labels; their inputs are prepared beforehand."""
    images = batch["inputs"][1::2]
    size, prepared = tuple(images[0].shape[-2:]), [teacher.prepare(images) for teacher in teachers]
    tasks = [[setting.teacher_task or task for task, setting in teacher.tasks.items()] for teacher in teachers]

    def run() -> None:
        for teacher, inputs, names in zip(teachers, prepared, tasks, strict=True):
            teacher.forward(inputs, size, teacher.dataset, names)

    return run
