"""Continuing a schedule when an epoch, or the training, has another number of steps than before."""

import math
from collections.abc import Iterator, Mapping
from typing import Any

_PROGRESS = ("base_values", "last_step", "_global_step", "_last_value")


def each_schedule(schedulers: Any) -> Iterator[Any]:
    """The schedulers of a runner: a list, or lists by optimizer."""
    lists = schedulers.values() if isinstance(schedulers, Mapping) else [schedulers or ()]
    return (scheduler for part in lists for scheduler in part)


def refit_schedule(scheduler: Any, planned: Mapping[str, Any]) -> None:
    """Continue a schedule at the same fraction of its length.

    Schedules over epochs that count iterations (`convert_to_iter_based=True`), and those that end with the training,
    have another length if an epoch has another number of steps. All others are left unchanged.

    Args:
        scheduler: A scheduler of mmengine, with the state of the interrupted run.
        planned: `state_dict()` of the same scheduler as built for this run.
    """
    if scheduler.by_epoch or not math.isfinite(planned["end"]) or planned["end"] == scheduler.end:
        return
    ratio = planned["end"] / scheduler.end
    _replan(scheduler, planned)
    scheduler.last_step = round(scheduler.last_step * ratio)
    scheduler._global_step = round(scheduler._global_step * ratio)


def extend_schedule(scheduler: Any, planned: Mapping[str, Any]) -> str | None:
    """Let a schedule end where the config of this run ends it: the training may be longer or shorter than before.

    The value continues from where it is.

    Args:
        scheduler: A scheduler of mmengine, with the state of the interrupted run.
        planned: `state_dict()` of the same scheduler as built for this run.

    Returns:
        A sentence about the change; `None` if nothing changed.
    """
    before = scheduler.end
    if planned["end"] == before:
        return None
    _replan(scheduler, planned)
    unit = "epoch" if scheduler.by_epoch else "step"
    name = type(scheduler).__name__
    return f"The schedule {name} ends at {unit} {planned['end']}, as this config does, and no longer at {before}."


def _replan(scheduler, planned):
    """Take over the plan, with the progress of the interrupted run."""
    progress = {name: getattr(scheduler, name) for name in _PROGRESS if hasattr(scheduler, name)}
    scheduler.__dict__.update(planned, **progress)
