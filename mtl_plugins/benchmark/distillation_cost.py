"""What teachers cost: the training step with `DistillationHook` against the step and the teachers' forward passes."""

import copy
from collections.abc import Callable, Sequence
from operator import add
from statistics import median

from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.structures import PixelData

from mtl_plugins.engine.distillation import DistillationHook
from mtl_plugins.registry import HOOKS

from .timing import Section, alternate, contender, to_rows


def distillation_config(cfg: Config) -> dict | None:
    """The config of its `DistillationHook`, if it has one."""
    hooks = [hook for hook in cfg.get("custom_hooks") or () if hook["type"] in ("DistillationHook", DistillationHook)]
    return hooks[0] if hooks else None


def compare_distillation(hook_cfg, model, optim_wrapper, samples: Sequence[dict], setting) -> Section:
    """In turns: the step on labels that are there, the teachers' forward passes, the hook, and hook and step.

    Every second image lacks the labels that a teacher answers.
    """
    if any(teacher.get("ema") for teacher in hook_cfg["teachers"]):
        return Section("Teachers", notes=("not measured: ema=True needs a Runner",))
    hook = HOOKS.build(hook_cfg)
    hook.prepare(model)
    lacking = pseudo_collate([_without(s, hook.tasks) if i % 2 else s for i, s in enumerate(samples)])
    filled = dict(lacking)
    hook.fill(filled)

    def train(batch):
        model.train_step(batch, optim_wrapper)

    def by_the_hook():
        batch = dict(lacking)
        hook.fill(batch)
        train(batch)

    contenders = {
        "step": lambda: train(filled),
        "teachers' forward passes": _forward_passes(hook.teachers, lacking),
        "hook": lambda: hook.fill(dict(lacking)),
        "hook and step": by_the_hook,
    }
    timed = {name: contender(call, model, keep_memory=True) for name, call in contenders.items()}
    times = alternate(timed, setting.rounds, setting.steps)
    step, teachers, filling, both = ([median(turn) for turn in turns] for turns in times.values())
    figures = {
        "distillation_overhead_percent": _more(both, step, teachers),
        "distillation_hook_overhead_percent": _more(map(add, filling, step), step, teachers),
    }
    note = "against the step plus the forward passes, hook and step in one take {:.1f} % more, timed apart {:.1f} %"
    rows = to_rows(times, len(samples), "distillation: ")
    return Section("Teachers in training", rows, figures, (note.format(*figures.values()),))


def _more(whole, *parts):
    """By how many percent a time exceeds the sum of others: median over the rounds."""
    return 100 * (median(one / sum(others) for one, *others in zip(whole, *parts, strict=True)) - 1)


def _without(sample, tasks):
    """The packed sample without some labels."""
    data = copy.copy(sample["data_samples"])
    labels = {task: label for task, label in data.gt.items() if task not in tasks}
    data.gt = PixelData(**labels)
    return dict(sample, data_samples=data)


def _forward_passes(teachers, batch) -> Callable[[], None]:
    """The teachers' networks alone, on the images that lack their labels, prepared beforehand."""
    images = batch["inputs"][1::2]
    size, prepared = tuple(images[0].shape[-2:]), [teacher.prepare(images) for teacher in teachers]

    def run():
        for teacher, inputs in zip(teachers, prepared, strict=True):
            teacher.forward(inputs, size, None, [setting.teacher_task for setting in teacher.tasks.values()])

    return run
