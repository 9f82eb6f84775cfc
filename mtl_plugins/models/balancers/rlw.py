from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from mtl_plugins.functional.balancing.random_weights import random_weights
from mtl_plugins.registry import MODELS

from .loss_balancer import LossBalancer
from .step_generator import StepGenerator


@MODELS.register_module()
class RLW(LossBalancer):
    """Random loss weighting: the softmax of new normal random numbers in each step.

    Lin et al., "Reasonable Effectiveness of Random Weighting: A Litmus Test for Multi-Task Learning", TMLR 2022. The
    weights sum to 1, so a step is on average that of the mean of the losses. One backward pass. A baseline: a method
    that is not better than random weights does not help.

    The weights depend on the seed and the step only, not on the process.

    Agrees with TorchJD for the same random numbers, and with LibMTL's definition.

    Args:
        tasks: Names of the model's tasks (set by the model).
        **kwargs: As for `Balancer`.
    """

    def __init__(self, tasks: Sequence[str], **kwargs: Any):
        super().__init__(tasks, **kwargs)
        self.generator = StepGenerator()

    def objective(self, losses: dict[str, Tensor]) -> Tensor:
        """The weighted sum."""
        values = torch.stack([*losses.values()])
        return (random_weights(len(values), self.generator.at(int(self.steps))) * values).sum()
