from abc import abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from mtl_plugins.functional.balancing import combine, gramian

from .balance_report import BalanceReport
from .balancer import Balancer
from .branch_point import BranchPoint
from .task_losses import TaskLosses

if TYPE_CHECKING:
    from ..multi_task_model import MultiTaskModel

MEASURE_EVERY = 10  # steps between two measurements of the gradients, which cost time


class LossBalancer(Balancer):
    """Base class of balancers that weigh the losses. They need one backward pass; all weights apply to the heads, too.

    A subclass implements `objective`.

    Raises:
        ValueError: `every` is set. New weights cost nothing, and old ones do not fit new losses: the weight of a small
            loss can be very large.
    """

    def __init__(self, tasks: Sequence[str], **kwargs: Any):
        super().__init__(tasks, **kwargs)
        if self.every != 1:
            raise ValueError(
                f"{type(self).__name__} computes its weights from the losses of each step: leave out every."
            )

    @abstractmethod
    def objective(self, losses: dict[str, Tensor]) -> Tensor:
        """The objective, a differentiable scalar. Its derivatives are the weights of the tasks.

        Args:
            losses: Scalars (float64) of the tasks with a label, over the complete batch of all processes.
        """

    def branch_point(self) -> BranchPoint | None:
        """In some steps, to measure the tasks' gradients."""
        if len(self.tasks) < 2 or int(self.steps) % MEASURE_EVERY != 1:
            return None
        return BranchPoint(self._measure, optional=True)

    def total(self, losses: TaskLosses, model: "MultiTaskModel", branch: BranchPoint | None) -> Tensor:
        """The objective. Its gradients are those of the weighted sum, and of the balancer's own parameters."""
        tasks = losses.present
        zero = sum((parameter.sum() * 0.0 for parameter in self.parameters()), torch.zeros(()))
        if branch is not None and branch.probe is not None:
            zero = zero.to(branch.probe.device) + branch.probe
        absent = sum(loss for task, loss in losses.local.items() if task not in tasks)  # 0, in the graph
        if not tasks:
            return losses.plus_other(absent + zero)
        with torch.enable_grad():
            leaves = [value.clone().requires_grad_() for value in losses.values]
            objective = self.objective(dict(zip(tasks, leaves, strict=True)))
            found = torch.autograd.grad(objective, leaves, retain_graph=True, allow_unused=True)
        derivatives = torch.stack([torch.zeros(()).double() if g is None else g.double().cpu() for g in found])
        weights = self.settle(tasks, lambda: derivatives)
        self.report = BalanceReport(tasks, weights)
        weighted = sum(loss * weight for loss, weight in zip(losses.of_present(), weights.tolist(), strict=True))
        # The value is the objective's, and its gradient reaches the balancer's own parameters; the losses get the
        # gradient of the weighted sum.
        return losses.plus_other(weighted + (objective.to(weighted) - weighted.detach()) + absent + zero)

    def _measure(self, rows, factor):
        """Pass the sum on, and keep the inner products of the gradients before weighting."""
        assert self.report is not None
        tasks, weights = self.report.tasks, self.report.weights
        present = [rows[task] for task in tasks]
        if tasks and any(gradient is not None for row in present for gradient in row):
            scale = weights.abs().clamp(min=torch.finfo(torch.float64).tiny) * (factor or 1.0)
            self.report = self.report._replace(gramian=gramian(present).cpu() / scale[:, None] / scale)
        return combine(list(rows.values()), [1.0] * len(rows)), {}
