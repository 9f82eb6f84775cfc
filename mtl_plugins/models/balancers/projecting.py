from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from mtl_plugins.functional.balancing import gradvac_weights, pcgrad_weights
from mtl_plugins.registry import MODELS

from .gradient_balancer import GramianBalancer
from .per_task import PerTask, pair_names
from .step_generator import StepGenerator


class _Projecting(GramianBalancer):
    """What both methods share: each gradient visits the others in random order, the same on all processes."""

    heads_are_scaled = False

    def __init__(self, tasks: Sequence[str], **kwargs: Any):
        super().__init__(tasks, **kwargs)
        self.generator = StepGenerator()

    def order(self, tasks: int) -> Tensor:
        """The orders of the step, (T, T)."""
        generator = self.generator.at(int(self.steps))
        return torch.stack([torch.randperm(tasks, generator=generator) for _ in range(tasks)])


@MODELS.register_module()
class PCGrad(_Projecting):
    """PCGrad: removes from each gradient what conflicts with another one, and adds the results.

    Yu et al., "Gradient Surgery for Multi-Task Learning", NeurIPS 2020. Without conflicts it is the sum of the
    gradients, and a task with small gradients counts little. The weights are at least 1. The heads' gradients keep the
    factor 1.

    One backward pass through the trunk. No state but the seed of the random order. A task whose gradient is 0 gets
    weight 1.

    Agrees with TorchJD and LibMTL for the same order.

    Args:
        tasks: Names of the model's tasks (set by the model).
        **kwargs: As for `GradientBalancer`.
    """

    def weights(self, gramian: Tensor, tasks: tuple[str, ...], losses: Tensor) -> Tensor:
        """The weights of the step."""
        return pcgrad_weights(gramian, self.order(len(tasks)))


@MODELS.register_module()
class GradVac(_Projecting):
    """GradVac: brings the cosine of each pair of gradients up to its moving average, and adds the results.

    Wang et al., "Gradient Vaccine: Investigating and Improving Multi-task Optimization in Massively Multilingual
    Models", ICLR 2021. It also changes gradients that do not conflict, if they usually agree better. The weights are at
    least 1. The heads' gradients keep the factor 1.

    One backward pass through the trunk. The state is one cosine per ordered pair of tasks. A task whose gradient is 0
    gets weight 1.

    Agrees with TorchJD and LibMTL for the same order (gradients of the complete trunk, not layer by layer).

    Args:
        tasks: Names of the model's tasks (set by the model).
        beta: The share of the new cosine in the moving average. The paper uses 0.01, LibMTL 0.5.
        **kwargs: As for `GradientBalancer`.

    Raises:
        ValueError: A value is not allowed.
    """

    def __init__(self, tasks: Sequence[str], *, beta: float = 0.5, **kwargs: Any):
        super().__init__(tasks, **kwargs)
        self.beta = self.check_number("beta", beta, least=0, most=1)
        self.targets = PerTask(pair_names(self.tasks))

    def weights(self, gramian: Tensor, tasks: tuple[str, ...], losses: Tensor) -> Tensor:
        """The weights of the step."""
        pairs = pair_names(tasks)
        targets = self.targets.get(pairs).view_as(gramian)
        weights, targets = gradvac_weights(gramian, targets, self.beta, self.order(len(tasks)))
        self.targets.set(pairs, targets.flatten())
        return weights
