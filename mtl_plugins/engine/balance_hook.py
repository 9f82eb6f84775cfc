from typing import Any

import torch
from mmengine.hooks import Hook
from mmengine.runner import IterBasedTrainLoop, Runner
from torch import Tensor

from mtl_plugins.functional.balancing import cosines, norms
from mtl_plugins.registry import HOOKS
from mtl_plugins.unwrap_model import unwrap_model

OPPOSED = -0.1  # mean cosine of two tasks' gradients below which they are reported
UNEVEN = 100.0  # ratio of two tasks' mean gradient norms, with their weights, above which they are reported
UNEVEN_HEADS = 10.0  # the same without their weights, if clipping depends on the heads' gradients
_WITHOUT_CONFLICTS, _EVEN = "UPGrad", "IMTLG"  # the balancers that the messages propose


@HOOKS.register_module()
class BalanceHook(Hook):
    """Logs what the model's balancer does, and ends the balancer's epochs.

    The values are `weight/<task>`, `grad_norm/<task>` (before weighting) and `cosine/<task>-<task>`, where the balancer
    measures them. At the end of an epoch, the hook warns about tasks that opposed each other (mean cosine below -0.1),
    and about gradients of which one is a hundred times another even with its weight: once for each.

    Args:
        period: Iterations of an epoch, for trainings that count iterations.

    Raises:
        ValueError: `period` is not a positive number.
    """

    priority = "NORMAL"  # before LoggerHook, which reads the values

    def __init__(self, period: int = 1000):
        if period < 1:
            raise ValueError(f"BalanceHook: period={period} must be at least 1 iteration.")
        self.period = period
        self._sums: dict[str, list[float]] = {}  # value: sum and number of steps in this epoch
        self._reported: set[str] = set()

    def before_train(self, runner: Runner) -> None:
        """Report a balancer that has nothing to balance."""
        balancer = _balancer_of(runner)
        if balancer is not None and len(balancer.tasks) == 1:
            runner.logger.warning(
                f"model.balancer={type(balancer).__name__} has nothing to balance: {balancer.tasks[0]} is the only "
                "task of the model. The training is that without a balancer; remove model.balancer."
            )

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: dict | None = None
    ) -> None:
        """Log the values of the step."""
        balancer = _balancer_of(runner)
        report = getattr(balancer, "report", None)
        if report is not None:
            values = report_values(report.tasks, report.weights, report.gramian)
            for name, value in values.items():
                runner.message_hub.update_scalar(f"train/{name}", value)
            for name, value in (values | weighted_norms(values)).items():
                total = self._sums.setdefault(name, [0.0, 0])
                total[0] += value
                total[1] += 1
            balancer.report = None  # a step without labels has none
        by_iteration = isinstance(runner.train_loop, IterBasedTrainLoop)
        if balancer is not None and by_iteration and (runner.iter + 1) % self.period == 0:
            self._end(runner, balancer)

    def after_train_epoch(self, runner: Runner) -> None:
        """End an epoch."""
        balancer = _balancer_of(runner)
        if balancer is not None and not isinstance(runner.train_loop, IterBasedTrainLoop):
            self._end(runner, balancer)

    def _end(self, runner, balancer):
        balancer.end_epoch()
        means = {name: total / count for name, (total, count) in self._sums.items()}
        self._sums = {}
        clipped = bool(getattr(getattr(runner, "optim_wrapper", None), "clip_grad_kwargs", None))
        clips_heads = clipped and not getattr(balancer, "scale_heads", True)
        for key, message in warnings_of(means, type(balancer).__name__, clips_heads).items():
            if key not in self._reported:
                self._reported.add(key)
                runner.logger.warning(message)


def _balancer_of(runner: Runner) -> Any:
    return getattr(unwrap_model(runner.model), "balancer", None)


def report_values(tasks: tuple[str, ...], weights: Tensor, gramian: Tensor | None) -> dict[str, float]:
    """What is logged for a step.

    Args:
        tasks: Names of the tasks.
        weights: Their weights (T,).
        gramian: Inner products of their gradients (T, T), or `None`.
    """
    values = {f"weight/{task}": float(weight) for task, weight in zip(tasks, weights, strict=True)}
    if gramian is None or not torch.isfinite(gramian).all():
        return values
    values |= {f"grad_norm/{task}": float(norm) for task, norm in zip(tasks, norms(gramian), strict=True)}
    table = cosines(gramian)
    for i, first in enumerate(tasks):
        for j in range(i + 1, len(tasks)):
            values[f"cosine/{first}-{tasks[j]}"] = float(table[i, j])
    return values


def weighted_norms(values: dict[str, float]) -> dict[str, float]:
    """The norms of the gradients after weighting, as `weighted_norm/<task>`.

    Args:
        values: What `report_values` returned for a step.
    """
    norms = {name.partition("/")[2]: value for name, value in values.items() if name.startswith("grad_norm/")}
    return {f"weighted_norm/{task}": norm * abs(values[f"weight/{task}"]) for task, norm in norms.items()}


def warnings_of(means: dict[str, float], balancer: str = "", clips_heads: bool = False) -> dict[str, str]:
    """Messages about the mean values of an epoch, by what they are about.

    Args:
        means: Means of the values of `report_values` and `weighted_norms`.
        balancer: Name of the balancer, which the messages do not propose again.
        clips_heads: Whether gradients are clipped, and those of the heads are not weighted.
    """
    messages = {}
    for name, value in means.items():
        kind, _, pair = name.partition("/")
        if kind == "cosine" and value < OPPOSED and balancer != _WITHOUT_CONFLICTS:
            messages[name] = (
                f"The gradients of {pair.replace('-', ' and ')} opposed each other in this epoch (mean cosine "
                f"{value:.2f}): what helps one hurts the other. model.balancer=dict(type={_WITHOUT_CONFLICTS!r}) makes "
                "no step against a task; see docs/balancing.md."
            )
    lengths = {name.partition("/")[2]: value for name, value in means.items() if name.startswith("weighted_norm/")}
    if len(lengths) > 1:
        large, small = max(lengths, key=lengths.__getitem__), min(lengths, key=lengths.__getitem__)
        if lengths[large] > UNEVEN * lengths[small]:
            ratio = f"{lengths[large] / lengths[small]:.0f} times" if lengths[small] > 0 else "infinitely"
            proposed = f", or use model.balancer=dict(type={_EVEN!r}), which weighs all tasks alike"
            messages["weighted_norm"] = (
                f"The weighted gradient of {large} was {ratio} as large as that of {small} in this epoch, so {small} "
                f"hardly counts. Change loss_weight of their losses{'' if balancer == _EVEN else proposed}; see "
                "docs/balancing.md."
            )
    raw = {name.partition("/")[2]: value for name, value in means.items() if name.startswith("grad_norm/")}
    if clips_heads and len(raw) > 1 and max(raw.values()) > UNEVEN_HEADS * min(raw.values()):
        messages["clipped heads"] = (
            f"The gradient of {max(raw, key=raw.__getitem__)} was much larger than others in this epoch. {balancer} "
            "weighs it in the trunk but not in the heads, so it decides how much optim_wrapper.clip_grad clips. Set "
            "model.balancer.scale_heads=True, or change loss_weight; see docs/balancing.md."
        )
    return messages
