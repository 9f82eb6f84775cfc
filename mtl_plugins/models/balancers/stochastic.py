from collections.abc import Sequence
from typing import Any

from torch import Tensor

from mtl_plugins.functional.balancing import modo_weights, sdmgrad_weights
from mtl_plugins.functional.balancing.share_weights import share_weights
from mtl_plugins.registry import MODELS

from .gradient_balancer import GramianBalancer
from .per_task import PerTask


@MODELS.register_module()
class MoDo(GramianBalancer):
    """MoDo: weights that move slowly to those of MGDA, one projected gradient step per training step.

    Chen et al., "Three-Way Trade-Off in Multi-Objective Learning: Optimization, Generalization and Conflict-Avoidance",
    NeurIPS 2023. The weights start equal and sum to 1. Their speed depends on the size of the gradients. The heads'
    gradients keep the factor 1.

    The paper multiplies the gradients of two independent batches, which costs three times as much. Here both are those
    of the training batch, so the weights are biased to tasks with little noise.

    One backward pass through the trunk. The state is one weight per task.

    The step agrees with TorchJD and LibMTL for the same products.

    Args:
        tasks: Names of the model's tasks (set by the model).
        gamma: Learning rate of the weights. TorchJD uses 0.1, LibMTL 0.001.
        rho: L2 penalty on the weights.
        **kwargs: As for `GradientBalancer`.

    Raises:
        ValueError: A value is not allowed.
    """

    heads_are_scaled = False

    def __init__(self, tasks: Sequence[str], *, gamma: float = 0.1, rho: float = 0.1, **kwargs: Any):
        super().__init__(tasks, **kwargs)
        self.gamma = self.check_number("gamma", gamma, above=0)
        self.rho = self.check_number("rho", rho, least=0)
        self.factors = PerTask(tasks, fill=1 / len(self.tasks))

    def weights(self, gramian: Tensor, tasks: tuple[str, ...], losses: Tensor) -> Tensor:
        """The weights of the step."""
        stored = self.factors.get(tasks)
        weights = modo_weights(gramian, stored / stored.sum(), self.gamma, self.rho)
        self.factors.set(tasks, share_weights(weights, stored))
        return weights


@MODELS.register_module()
class SDMGrad(GramianBalancer):
    """SDMGrad: weights near those of MGDA, drawn to equal weights.

    Xiao et al., "Direction-oriented Multi-objective Learning: Simple and Provable Stochastic Algorithms", NeurIPS 2023.
    Each training step takes some steps of SGD on the weights, which sum to 1. The heads' gradients keep the factor 1.

    The paper multiplies the gradients of two independent batches, which costs three times as much. Here both are those
    of the training batch, so the weights are biased to tasks with little noise.

    One backward pass through the trunk. The state is one weight per task.

    The steps agree with TorchJD and LibMTL for the same products.

    Args:
        tasks: Names of the model's tasks (set by the model).
        lr: Learning rate of the weights. LibMTL uses 5, TorchJD 10. At such rates the weights jump between the tasks
            with the smallest gradients; below about 0.5 they converge.
        momentum: Momentum of their SGD.
        inner_steps: Number of steps of SGD per training step.
        regularisation: How strongly the weights are drawn to equal ones (lambda in the paper).
        **kwargs: As for `GradientBalancer`.

    Raises:
        ValueError: A value is not allowed.
    """

    heads_are_scaled = False

    def __init__(
        self,
        tasks: Sequence[str],
        *,
        lr: float = 5.0,
        momentum: float = 0.5,
        inner_steps: int = 20,
        regularisation: float = 0.3,
        **kwargs: Any,
    ):
        super().__init__(tasks, **kwargs)
        self.lr = self.check_number("lr", lr, above=0)
        self.momentum = self.check_number("momentum", momentum, least=0, below=1)
        self.inner_steps = self.check_count("inner_steps", inner_steps, least=1)
        self.regularisation = self.check_number("regularisation", regularisation, least=0)
        self.factors = PerTask(tasks, fill=1 / len(self.tasks))

    def weights(self, gramian: Tensor, tasks: tuple[str, ...], losses: Tensor) -> Tensor:
        """The weights of the step."""
        stored = self.factors.get(tasks)
        weights, new = sdmgrad_weights(
            gramian, stored / stored.sum(), self.lr, self.momentum, self.inner_steps, self.regularisation
        )
        self.factors.set(tasks, share_weights(new, stored))
        return weights
