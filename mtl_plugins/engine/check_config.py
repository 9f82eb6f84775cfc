"""Checks options of data loaders, loops and hooks that contradict each other, before anything is built."""

import logging
from collections.abc import Mapping
from typing import Any

from mmengine.logging import print_log

_LOADERS = ("train_dataloader", "val_dataloader", "test_dataloader")


def check_config(cfg: Mapping[str, Any]) -> None:
    """Check the options of a run. Those that only have no effect cause a warning.

    Raises:
        ValueError: Options contradict each other; the message names them and what to change.
    """
    for name in _LOADERS:
        loader = cfg.get(name)
        if isinstance(loader, Mapping):
            _check_loader(name, loader)
    loop = cfg.get("train_cfg")
    if isinstance(loop, Mapping):
        by_epoch = loop.get("by_epoch", "max_epochs" in loop or "Epoch" in str(loop.get("type", "")))
        unit = "epochs" if by_epoch else "iters"
        length = loop.get(f"max_{unit}")
        _check_loop(loop, unit, length)
        _check_schedules(cfg.get("param_scheduler"), by_epoch, unit, length)
        _check_accumulation(cfg.get("optim_wrapper"), loop.get("max_iters"))
        hook = (cfg.get("default_hooks") or {}).get("checkpoint")
        if isinstance(hook, Mapping):
            _check_checkpoints(hook, by_epoch)


def _check_loader(name: str, loader: Mapping[str, Any]) -> None:
    batch_size, workers = loader.get("batch_size", 1), loader.get("num_workers", 0)
    if not _is_integer(batch_size) or batch_size < 1:
        raise ValueError(f"{name}.batch_size={batch_size!r} must be a whole number of at least 1.")
    if not _is_integer(workers) or workers < 0:
        raise ValueError(f"{name}.num_workers={workers!r} must be 0 (no worker processes) or a positive whole number.")
    if workers == 0:
        unused = dict(persistent_workers=False, prefetch_factor=None, timeout=0, multiprocessing_context=None)
        for option, off in unused.items():
            if loader.get(option) not in (None, off, 0):
                raise ValueError(
                    f"{name}.{option}={loader.get(option)!r} needs worker processes, but {name}.num_workers is 0: set "
                    f"num_workers to at least 1, or {option}={off}."
                )
    if loader.get("prefetch_factor") is not None and loader["prefetch_factor"] < 1:
        raise ValueError(f"{name}.prefetch_factor={loader['prefetch_factor']!r} must be at least 1.")
    if loader.get("sampler") is not None and loader.get("shuffle"):
        raise ValueError(
            f"{name}.shuffle=True contradicts {name}.sampler, which decides the order: remove shuffle, and set "
            f"shuffle=True in the sampler."
        )
    if loader.get("batch_sampler") is not None:
        extra = [option for option in ("shuffle", "drop_last") if loader.get(option)]
        if extra:
            raise ValueError(
                f"{name}.{extra[0]}=True contradicts {name}.batch_sampler, which decides the batches: remove "
                f"{extra[0]}, and set it in the batch_sampler or its sampler."
            )


def check_batches(loader: Any, name: str) -> None:
    """Check that a data loader has at least one batch.

    Raises:
        ValueError: `drop_last` drops the only batch.
    """
    try:
        batches, samples = len(loader), len(loader.dataset)
    except TypeError:  # of unknown length
        return
    if batches == 0 and samples > 0 and getattr(loader, "drop_last", False):
        raise ValueError(
            f"{name} has no batch: drop_last=True drops batches of fewer than batch_size={loader.batch_size} samples, "
            f"but each process has at most {samples} samples. Set drop_last=False or a smaller batch_size."
        )


def _check_loop(loop: Mapping[str, Any], unit: str, length: Any) -> None:
    for option in (f"max_{unit}", "val_interval"):
        value = loop.get(option)
        if value is not None and (not _is_integer(value) or value < 1):
            raise ValueError(f"train_cfg.{option}={value!r} must be a whole number of at least 1.")
    both = {"max_epochs", "max_iters"} <= {key for key, value in loop.items() if value is not None}
    if both and loop.get("type") in ("EpochBasedTrainLoop", "IterBasedTrainLoop", None):
        raise ValueError(
            f"train_cfg has max_epochs={loop['max_epochs']} and max_iters={loop['max_iters']}, but a training is "
            "counted in epochs or in iterations: keep one of them. To replace the train_cfg of a _base_, write "
            "train_cfg=dict(_delete_=True, type='IterBasedTrainLoop', max_iters=…, val_interval=…)."
        )
    begin = loop.get("val_begin")
    if _is_integer(begin) and _is_integer(length) and begin > length:
        raise ValueError(
            f"train_cfg.val_begin={begin} is after the end of the training (max_{unit}={length}), so the model is "
            f"never validated: choose a smaller val_begin."
        )


def _check_schedules(schedules: Any, by_epoch: bool, unit: str, length: Any) -> None:
    schedules = [schedules] if isinstance(schedules, Mapping) else schedules
    for position, schedule in enumerate(schedules or ()):
        if not isinstance(schedule, Mapping):
            continue
        name = f"param_scheduler[{position}] ({schedule.get('type', '?')})"
        begin, end = schedule.get("begin", 0), schedule.get("end")
        if _is_integer(begin) and _is_integer(end) and begin >= end:
            raise ValueError(f"{name}: begin={begin} must be less than end={end}.")
        if schedule.get("by_epoch", True) != by_epoch or not _is_integer(length):
            continue  # in another unit than the training
        milestones = schedule.get("milestones") or ()
        late = [milestone for milestone in milestones if _is_integer(milestone) and milestone >= length]
        if _is_integer(begin) and begin >= length:
            _warn(f"{name} never takes effect: it begins at {begin}, but the training has max_{unit}={length}.")
        elif late:
            _warn(
                f"{name}: the milestones {late} are never reached, because the training has max_{unit}={length}. "
                f"Choose smaller milestones or a longer training."
            )
        elif "Linear" in str(schedule.get("type")) and _is_integer(end) and end > length:
            _warn(
                f"{name}: the warm-up takes {end} {unit}, but the training has max_{unit}={length}, so the learning "
                f"rate never reaches its full value. Set a smaller end."
            )


def _check_accumulation(wrapper: Any, iterations: Any) -> None:
    counts = wrapper.get("accumulative_counts") if isinstance(wrapper, Mapping) else None
    if counts is None:
        return
    if not _is_integer(counts) or counts < 1:
        raise ValueError(f"optim_wrapper.accumulative_counts={counts!r} must be a whole number of at least 1.")
    if _is_integer(iterations) and counts > iterations:
        _warn(
            f"optim_wrapper.accumulative_counts={counts} is larger than max_iters={iterations}, so the weights are "
            f"updated only once, at the end. Choose a smaller number."
        )


def _check_checkpoints(hook: Mapping[str, Any], by_epoch: bool) -> None:
    name = "default_hooks.checkpoint"
    interval, keep = hook.get("interval", -1), hook.get("max_keep_ckpts", -1)
    if not _is_integer(interval) or not _is_integer(keep) or keep == 0 or keep < -1:
        raise ValueError(
            f"{name}: interval={interval!r} and max_keep_ckpts={keep!r} must be whole numbers, and max_keep_ckpts at "
            f"least 1, or -1 to keep all checkpoints."
        )
    if interval <= 0 < keep and not hook.get("save_best"):
        raise ValueError(
            f"{name}: max_keep_ckpts={keep} contradicts interval={interval}, with which no checkpoint is saved: set "
            f"interval to at least 1."
        )
    if interval > 0 and hook.get("type") == "CheckpointHook" and hook.get("by_epoch", True) and not by_epoch:
        _warn(
            f"{name} counts epochs, but the training counts iterations, so the only checkpoint is saved at the end: "
            f"set by_epoch=False."
        )


def _is_integer(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _warn(message: str) -> None:
    print_log(message, "current", logging.WARNING)
