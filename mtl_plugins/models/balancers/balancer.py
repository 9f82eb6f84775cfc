import math
import operator
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import torch
from torch import Tensor, nn

from mtl_plugins.did_you_mean import did_you_mean
from mtl_plugins.functional.balancing import smoothed_weights

from .balance_report import BalanceReport
from .branch_point import BranchPoint
from .per_task import PerTask
from .task_losses import TaskLosses

if TYPE_CHECKING:
    from ..multi_task_model import MultiTaskModel

Choice = TypeVar("Choice", bound=str | int)


class Balancer(nn.Module, ABC):
    """Base class of balancers, which make one objective of the losses of all tasks.

    Only tasks with a label in the batch of at least one process take part in a step; the state of the others does not
    change. State is stored by task name and is part of checkpoints.

    Args:
        tasks: Names of the model's tasks (set by the model).
        task_weights: Factor on the loss of single tasks before balancing, such as `dict(depth=2.0)`.
        warmup: Number of training steps with equal weights at the start.
        every: Compute new weights in every k-th step and reuse them in between. The weights of a small gradient can be
            too large for the next batch, above all where they are about 1 / |g| (NashMTL, FairGrad).
        smoothing: Moving average of the weights (CR-MOGM, Zhou et al., NeurIPS 2022): share of the old weights in 0 ...
            1.

    Raises:
        ValueError: A value is not allowed, or a task is unknown.
    """

    def __init__(
        self,
        tasks: Sequence[str],
        *,
        task_weights: Mapping[str, float] | None = None,
        warmup: int = 0,
        every: int = 1,
        smoothing: float = 0.0,
    ):
        super().__init__()
        self.tasks = tuple(tasks)
        name = type(self).__name__
        self.task_weights = self.check_by_task("task_weights", task_weights)
        if not is_number(smoothing) or not 0 <= smoothing < 1:
            raise ValueError(f"{name}: smoothing={smoothing!r} must be at least 0 and less than 1.")
        self.warmup = self.check_count("warmup", warmup, least=0)
        self.every = self.check_count("every", every, least=1)
        self.smoothing = smoothing
        self.steps: Tensor
        self.register_buffer("steps", torch.zeros((), dtype=torch.int64))
        if self.every > 1 or smoothing:
            self.last_weights = PerTask(self.tasks, fill=float("nan"))
        self.report: BalanceReport | None = None

    @abstractmethod
    def branch_point(self) -> BranchPoint | None:
        """Where the tasks part in the next step; `None` if this step needs no gradients by task."""

    @abstractmethod
    def total(self, losses: TaskLosses, model: "MultiTaskModel", branch: BranchPoint | None) -> Tensor:
        """The scalar that is differentiated.

        Args:
            losses: The losses of the tasks.
            model: The model in training.
            branch: What `branch_point` returned for this step.
        """

    def attach(self, model: "MultiTaskModel") -> None:
        """Called once by the model, when it is complete; for state whose size depends on it."""

    def end_epoch(self) -> None:
        """Called after each training epoch; for state that follows epochs."""

    def settle(self, tasks: Sequence[str], solve: Callable[[], Tensor]) -> Tensor:
        """The weights of a step: those of `solve`, with warm-up, `every` and `smoothing`.

        Args:
            tasks: The tasks of the step.
            solve: Computes weights (T,).
        """
        if self.warming_up:
            return torch.ones(len(tasks), dtype=torch.float64)
        if (reused := self.reused_weights(tasks)) is not None:
            return reused
        weights = solve().double()
        if self.smoothing:
            old = self.last_weights.get(tasks)
            # the old weights may be of other tasks: bring them to the size of the new ones
            known = old.isfinite() & weights.isfinite()
            if known.any():
                scale = float(weights[known].abs().sum() / old[known].abs().sum())
                scale = scale if math.isfinite(scale) and scale > 0 else 1.0
                weights = smoothed_weights(weights, torch.where(known, old * scale, torch.nan), self.smoothing)
        if self.every > 1 or self.smoothing:
            self.last_weights.set(tasks, weights)
        return weights

    @property
    def warming_up(self) -> bool:
        """Whether the current step is one of the warm-up."""
        return int(self.steps) <= self.warmup  # `start_step` has counted the current step

    def reused_weights(self, tasks: Sequence[str]) -> Tensor | None:
        """The weights of an earlier step, if `every` asks for them and all tasks have some."""
        if self.every == 1 or self.warming_up or (int(self.steps) - self.warmup - 1) % self.every == 0:
            return None
        weights = self.last_weights.get(tasks)
        return weights if weights.isfinite().all() else None

    def start_step(self) -> None:
        """Count a training step."""
        self.steps += 1

    def check_by_task(self, option: str, values: Mapping[str, float] | None, zero: bool = False) -> dict[str, float]:
        """Check an option with one positive number per task.

        Args:
            option: Name of the option.
            values: Numbers by task; tasks may be missing.
            zero: Whether 0 is allowed.
        """
        name = type(self).__name__
        if values is not None and not isinstance(values, Mapping):
            raise ValueError(f"{name}: {option}={values!r} must be a dict of numbers by task, such as dict(depth=2.0).")
        for task, value in (values or {}).items():
            if task not in self.tasks:
                raise ValueError(
                    f"{name}: {option} has the unknown task {task!r}: {did_you_mean(task, self.tasks)}"
                    f"The tasks are {', '.join(self.tasks)}."
                )
            if not is_number(value) or value < 0 or (value == 0 and not zero):
                allowed = "a number of 0 or more" if zero else "a positive number"
                raise ValueError(f"{name}: {option}[{task!r}]={value!r} must be {allowed}.")
        return {task: float(value) for task, value in (values or {}).items()}

    def check_number(
        self,
        option: str,
        value: float,
        *,
        above: float | None = None,
        least: float | None = None,
        below: float | None = None,
        most: float | None = None,
    ) -> float:
        """Check an option with one number.

        Args:
            option: Name of the option.
            value: Its value.
            above: The value must be larger than this number.
            least: The smallest allowed value.
            below: The value must be smaller than this number.
            most: The largest allowed value.
        """
        limits = [
            ("above", above, operator.gt),
            ("at least", least, operator.ge),
            ("below", below, operator.lt),
            ("at most", most, operator.le),
        ]
        given = [(text, limit, holds) for text, limit, holds in limits if limit is not None]
        if not is_number(value) or not all(holds(value, limit) for _, limit, holds in given):
            allowed = " and ".join(f"{text} {limit:g}" for text, limit, _ in given)
            raise ValueError(f"{type(self).__name__}: {option}={value!r} must be a number{allowed and ' '}{allowed}.")
        return float(value)

    def check_count(self, option: str, value: int, *, least: int, most: int | None = None) -> int:
        """Check an option with a whole number.

        Args:
            option: Name of the option.
            value: Its value.
            least: The smallest allowed value.
            most: The largest allowed value.
        """
        is_count = isinstance(value, int) and not isinstance(value, bool)
        if not is_count or value < least or (most is not None and value > most):
            allowed = f"at least {least}{'' if most is None else f' and at most {most}'}"
            raise ValueError(f"{type(self).__name__}: {option}={value!r} must be a whole number {allowed}.")
        return value

    def check_flag(self, option: str, value: bool) -> bool:
        """Check an option that is True or False. A text such as `"False"` would count as True.

        Args:
            option: Name of the option.
            value: Its value.
        """
        if not isinstance(value, bool):
            raise ValueError(f"{type(self).__name__}: {option}={value!r} must be True or False.")
        return value

    def check_choice(self, option: str, value: Choice, allowed: Sequence[Choice]) -> Choice:
        """Check an option with one of a few values.

        Args:
            option: Name of the option.
            value: Its value.
            allowed: The allowed values.
        """
        if isinstance(value, bool) or value not in allowed:
            raise ValueError(f"{type(self).__name__}: {option}={value!r} must be {', '.join(map(repr, allowed))}.")
        return value

    def preference_of(self, preference: Sequence[float] | Mapping[str, float] | None) -> PerTask | None:
        """Check a preference vector: how much each task counts.

        Args:
            preference: A positive number per task, as a dict or in the order of the tasks.
        """
        if preference is None:
            return None
        name = type(self).__name__
        if not isinstance(preference, Mapping):
            if not isinstance(preference, list | tuple):
                raise ValueError(
                    f"{name}: preference={preference!r} must be a list with one number per task "
                    f"({', '.join(self.tasks)}), or a dict of numbers by task."
                )
            if len(preference) != len(self.tasks):
                raise ValueError(
                    f"{name}: preference has {len(preference)} numbers for {len(self.tasks)} tasks "
                    f"({', '.join(self.tasks)}): give one per task, or a dict by task."
                )
            preference = dict(zip(self.tasks, preference, strict=True))
        given = self.check_by_task("preference", preference)
        missing = [task for task in self.tasks if task not in given]
        if missing:
            raise ValueError(f"{name}: preference has no number for {', '.join(missing)}.")
        values = PerTask(self.tasks, persistent=False)
        values.set(self.tasks, torch.tensor([given[task] for task in self.tasks], dtype=torch.float64))
        return values


def is_number(value: Any) -> bool:
    """Whether a value of a config is a finite number."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= sys.float_info.max
