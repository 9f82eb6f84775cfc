from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from mtl_plugins.functional.balancing import krum_weights
from mtl_plugins.registry import MODELS

from .gradient_balancer import GramianBalancer


@MODELS.register_module()
class Krum(GramianBalancer):
    """Multi-Krum: the mean of the gradients that are closest to the others; the rest is ignored in this step.

    Blanchard et al., "Machine Learning with Adversaries: Byzantine Tolerant Gradient Descent", NeurIPS 2017. Made for
    copies of one task of which some are faulty, not for different tasks: with these, the one with the smallest
    gradients is chosen. It needs at least `n_byzantine + 3` tasks with labels; otherwise all are averaged. The weights
    sum to 1. The heads' gradients keep the factor 1.

    One backward pass through the trunk. No state. A task whose gradient is 0 gets weight 0.

    The computation is TorchJD's, which may choose a gradient of 0.

    Args:
        tasks: Names of the model's tasks (set by the model).
        n_byzantine: How many gradients may be arbitrary.
        n_selected: How many gradients are averaged.
        **kwargs: As for `GradientBalancer`.

    Raises:
        ValueError: A value is not allowed.
    """

    heads_are_scaled = False

    def __init__(self, tasks: Sequence[str], *, n_byzantine: int = 0, n_selected: int = 1, **kwargs: Any):
        super().__init__(tasks, **kwargs)
        self.n_byzantine = self.check_count("n_byzantine", n_byzantine, least=0)
        self.n_selected = self.check_count("n_selected", n_selected, least=1, most=max(len(self.tasks), 1))

    def weights(self, gramian: Tensor, tasks: tuple[str, ...], losses: Tensor) -> Tensor:
        """The weights of the step."""
        weights = torch.zeros_like(losses)
        rows = (gramian.diagonal() > 0).nonzero()[:, 0]
        if len(rows):
            weights[rows] = krum_weights(gramian[rows][:, rows], self.n_byzantine, self.n_selected)
        return weights
