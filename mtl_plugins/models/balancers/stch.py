from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from mtl_plugins.functional.balancing.stch import log_objective, log_stch_objective, stch_objective
from mtl_plugins.registry import MODELS

from .epoch_means import EpochMeans
from .loss_balancer import LossBalancer
from .per_task import PerTask


@MODELS.register_module()
class STCH(LossBalancer):
    """Smooth Tchebycheff scalarization as in the authors' code: a smooth maximum of `log(L / nadir)`.

    Lin et al., "Smooth Tchebycheff Scalarization for Multi-Objective Optimization", ICML 2024. The nadir is the mean
    loss of a task over one epoch. Up to the end of that epoch, the objective is the sum of `log L`, with weights `1 /
    L`. Afterwards the weights are `T softmax(log(L / nadir) / mu) / L`: the task that improved least since then counts
    most. The unit of a loss does not matter. One backward pass.

    A task whose first labels come later has its nadir epoch later. A training that is shorter than the nadir epoch
    keeps the sum of logarithms.

    Agrees with LibMTL. `Tchebycheff` is the equation of the paper, which is another objective.

    Args:
        tasks: Names of the model's tasks (set by the model).
        mu: Smoothing, above 0. Smaller values come closer to the maximum.
        nadir_epoch: The epoch of the nadir, starting from 0.
        **kwargs: As for `Balancer`.
    """

    def __init__(self, tasks: Sequence[str], *, mu: float = 1.0, nadir_epoch: int = 4, **kwargs: Any):
        super().__init__(tasks, **kwargs)
        self.mu = self.check_number("mu", mu, above=0)
        self.nadir_epoch = self.check_count("nadir_epoch", nadir_epoch, least=0)
        self.epoch = EpochMeans(tasks)
        self.epochs, self.nadir = PerTask(tasks), PerTask(tasks)

    def objective(self, losses: dict[str, Tensor]) -> Tensor:
        """The smooth maximum of the tasks with a nadir, and the logarithms of the others."""
        tasks, values = tuple(losses), torch.stack([*losses.values()])
        self.epoch.add(tasks, values.detach())
        known = self.epochs.get(tasks) > self.nadir_epoch
        objective = log_objective(values[~known])
        if known.any():
            objective = objective + log_stch_objective(values[known], self.nadir.get(tasks)[known], self.mu)
        return objective

    def end_epoch(self) -> None:
        """Store the mean losses of the nadir epoch."""
        tasks, means = self.epoch.finish()
        if tasks:
            epochs = self.epochs.get(tasks)
            self.nadir.set(tasks, torch.where(epochs == self.nadir_epoch, means, self.nadir.get(tasks)))
            self.epochs.set(tasks, epochs + 1)


@MODELS.register_module()
class Tchebycheff(LossBalancer):
    """Smooth Tchebycheff scalarization as in the paper: `mu log sum exp(p (L - z) / mu)`.

    Lin et al., "Smooth Tchebycheff Scalarization for Multi-Objective Optimization", ICML 2024, eq. 10. The weights are
    `p softmax(p (L - z) / mu)`: the task with the largest loss counts most, so the losses need a similar size. One
    backward pass, no state.

    Agrees with TorchJD's `STCH`. `STCH` is the authors' code, which is another objective.

    Args:
        tasks: Names of the model's tasks (set by the model).
        mu: Smoothing, above 0. Smaller values come closer to the maximum.
        preference: `p`: one positive number per task, a dict or in the order of the tasks. With None, all are 1 / T.
        reference: The ideal point `z`, the same for all tasks.
        **kwargs: As for `Balancer`.
    """

    def __init__(
        self,
        tasks: Sequence[str],
        *,
        mu: float = 1.0,
        preference: Sequence[float] | Mapping[str, float] | None = None,
        reference: float = 0.0,
        **kwargs: Any,
    ):
        super().__init__(tasks, **kwargs)
        self.mu = self.check_number("mu", mu, above=0)
        self.reference = self.check_number("reference", reference)
        self.preference = self.preference_of(preference)

    def objective(self, losses: dict[str, Tensor]) -> Tensor:
        """The smooth maximum of the present tasks."""
        preference = None if self.preference is None else self.preference.get(tuple(losses))
        return stch_objective(torch.stack([*losses.values()]), self.mu, preference, self.reference)
