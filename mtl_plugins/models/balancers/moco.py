from collections.abc import Sequence
from typing import Any

from torch import Tensor

from mtl_plugins.functional.balancing.moco import MoCoState, moco_step
from mtl_plugins.registry import MODELS

from .gradient_memory import GradientMemory
from .per_task import PerTask


@MODELS.register_module()
class MoCo(GradientMemory):
    """MoCo: weights from gradients that are averaged over time, which removes the bias of small batches.

    Fernando et al., "Mitigating Gradient Bias in Multi-Objective Learning: A Provably Convergent Approach", ICLR 2023.
    The averages are of gradients of length `L`. The weights sum to 1 and stay close to equal. The heads' gradients keep
    the factor 1.

    One backward pass per task; the memory of one gradient per task.

    Agrees with LibMTL.

    Args:
        tasks: Names of the model's tasks (set by the model).
        beta: Rate of the averages at the first step.
        beta_decay: The rate is divided by the number of steps to this power.
        gamma: Rate of the weights at the first step.
        gamma_decay: The same for the weights.
        rho: L2 penalty on the weights.
        **kwargs: As for `GradientBalancer`.
    """

    heads_are_scaled = False

    def __init__(
        self,
        tasks: Sequence[str],
        *,
        beta: float = 0.5,
        beta_decay: float = 0.5,
        gamma: float = 0.1,
        gamma_decay: float = 0.5,
        rho: float = 0.0,
        **kwargs: Any,
    ):
        super().__init__(tasks, **kwargs)
        given = dict(beta=beta, beta_decay=beta_decay, gamma=gamma, gamma_decay=gamma_decay, rho=rho)
        self.options = {option: self.check_number(option, value, least=0) for option, value in given.items()}
        self.check_number("beta", beta, most=1)
        self.factors = PerTask(tasks, fill=1 / len(self.tasks))
        self.counts = PerTask(tasks)

    def step(self, jacobian: Tensor, memory: Tensor, tasks: tuple[str, ...], losses: Tensor) -> tuple[Tensor, ...]:
        """One step of MoCo."""
        state = MoCoState(memory, self.factors.get(tasks), self.counts.get(tasks))
        direction, weights, state = moco_step(jacobian, losses, state, **self.options)
        self.factors.set(tasks, state.weights)
        self.counts.set(tasks, state.steps)
        return direction, weights, state.averages
