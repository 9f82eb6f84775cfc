from collections.abc import Sequence
from typing import Any

from torch import Tensor

from mtl_plugins.functional.balancing.excess import ExcessState, excess_step
from mtl_plugins.registry import MODELS

from .gradient_memory import GradientMemory
from .per_task import PerTask


@MODELS.register_module()
class ExcessMTL(GradientMemory):
    """ExcessMTL: higher weights for tasks that are far from their optimum, so label noise does not attract weight.

    He et al., "Robust Multi-Task Learning with Excess Risks", ICML 2024. The distance is estimated from the gradients
    and the sum of their squares. The weights sum to T and also scale the heads, as in the paper.

    One backward pass per task; the memory of one gradient per task.

    Agrees with LibMTL, and with TorchJD after its first step; TorchJD's default rate of 1 gives all of the weight to
    one task there.

    Args:
        tasks: Names of the model's tasks (set by the model).
        lr: Rate of the weights.
        baseline_steps: Number of steps with labels of a task that set its baseline, with constant weight; the paper
            uses three epochs, LibMTL one step.
        **kwargs: As for `GradientBalancer`.
    """

    def __init__(self, tasks: Sequence[str], *, lr: float = 0.01, baseline_steps: int = 1, **kwargs: Any):
        super().__init__(tasks, **kwargs)
        self.lr = self.check_number("lr", lr, above=0)
        self.baseline_steps = self.check_count("baseline_steps", baseline_steps, least=1)
        self.baseline, self.counts = PerTask(tasks), PerTask(tasks)
        self.factors = PerTask(tasks, fill=1.0)

    def step(self, jacobian: Tensor, memory: Tensor, tasks: tuple[str, ...], losses: Tensor) -> tuple[Tensor, ...]:
        """One step of ExcessMTL."""
        state = ExcessState(memory, self.baseline.get(tasks), self.factors.get(tasks), self.counts.get(tasks))
        direction, weights, state = excess_step(jacobian, state, self.lr, self.baseline_steps)
        self.baseline.set(tasks, state.baseline)
        self.factors.set(tasks, state.weights)
        self.counts.set(tasks, state.steps)
        return direction, weights, state.roots
