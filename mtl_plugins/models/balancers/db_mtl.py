from collections.abc import Sequence
from typing import Any

from torch import Tensor

from mtl_plugins.functional.balancing.db_mtl import DBMTLState, db_mtl_step
from mtl_plugins.registry import MODELS

from .gradient_memory import GradientMemory
from .per_task import PerTask


@MODELS.register_module()
class DBMTL(GradientMemory):
    """DB-MTL: gradients of the logarithms of the losses, averaged over time and scaled to the same length.

    Lin et al., "Dual-Balancing for Multi-Task Learning", 2023. All tasks get the largest length. The heads' gradients
    are those of `log L`, so the weights are `1 / L`, as in the paper. The unit of a loss does not matter.

    One backward pass per task; the memory of one gradient per task.

    Agrees with LibMTL, except for a task with a zero gradient, which LibMTL moves along its old average.

    Args:
        tasks: Names of the model's tasks (set by the model).
        beta: Share of the average that remains in a step.
        beta_decay: That share is divided by the number of steps to this power.
        **kwargs: As for `GradientBalancer`.
    """

    def __init__(self, tasks: Sequence[str], *, beta: float = 0.9, beta_decay: float = 0.0, **kwargs: Any):
        super().__init__(tasks, **kwargs)
        self.beta = self.check_number("beta", beta, least=0, most=1)
        self.beta_decay = self.check_number("beta_decay", beta_decay, least=0)
        self.counts = PerTask(tasks)

    def step(self, jacobian: Tensor, memory: Tensor, tasks: tuple[str, ...], losses: Tensor) -> tuple[Tensor, ...]:
        """One step of DB-MTL."""
        state = DBMTLState(memory, self.counts.get(tasks))
        direction, weights, state = db_mtl_step(jacobian, losses, state, self.beta, self.beta_decay)
        self.counts.set(tasks, state.steps)
        return direction, weights, state.averages
