from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from mtl_plugins.functional.balancing.grad_norm import grad_norm_step
from mtl_plugins.functional.balancing.gramian import norms
from mtl_plugins.functional.balancing.share_weights import share_weights
from mtl_plugins.registry import MODELS

from .epoch_means import EpochMeans
from .gradient_balancer import GramianBalancer
from .per_task import PerTask


@MODELS.register_module()
class GradNorm(GramianBalancer):
    """GradNorm: weights that give all tasks gradients of similar size, larger for tasks that train slowly.

    Chen et al., "GradNorm: Gradient Normalization for Adaptive Loss Balancing in Deep Multitask Networks", ICML 2018.
    The weights sum to T. They descend on GradNorm's loss by their own rule. The heads' gradients keep the factor 1, as
    in the paper.

    The training rate of a task is its loss divided by its mean loss of the first epoch with labels of it, as in LibMTL
    (the paper takes the first loss). Until the end of that epoch its weight is 1.

    One backward pass through the trunk. The state is some numbers per task.

    Agrees with LibMTL, except that the step of the weights is divided by the mean norm of the weighted gradients, so
    that it does not depend on the unit of the losses.

    Args:
        tasks: Names of the model's tasks (set by the model).
        alpha: How strongly a task that trains slowly is favoured; the paper uses 0.12 to 1.5.
        lr: Learning rate of the weights.
        **kwargs: As for `GradientBalancer`.
    """

    heads_are_scaled = False

    def __init__(self, tasks: Sequence[str], *, alpha: float = 1.5, lr: float = 0.025, **kwargs: Any):
        super().__init__(tasks, **kwargs)
        self.alpha = self.check_number("alpha", alpha, least=0)
        self.lr = self.check_number("lr", lr, above=0)
        self.epoch = EpochMeans(tasks)
        self.first_losses = PerTask(tasks, fill=float("nan"))
        self.factors = PerTask(tasks, fill=1.0)

    def weights(self, gramian: Tensor, tasks: tuple[str, ...], losses: Tensor) -> Tensor:
        """The weights before their step."""
        self.epoch.add(tasks, losses)
        first = self.first_losses.get(tasks)
        known = first.isfinite()
        weights = torch.ones_like(losses)
        if known.any():
            chosen = tuple(task for task, has in zip(tasks, known.tolist(), strict=True) if has)
            stored = self.factors.get(chosen)
            weights[known] = stored / stored.mean()
            lengths = norms(gramian)[known]
            mean = (weights[known] * lengths).mean()
            if mean > 0:
                new = grad_norm_step(
                    lengths, losses[known], first[known], weights[known], self.alpha, self.lr / float(mean)
                )
                self.factors.set(chosen, share_weights(new, stored))
        return weights

    def end_epoch(self) -> None:
        """Store the mean losses of each task's first epoch."""
        tasks, means = self.epoch.finish()
        if tasks:
            first = self.first_losses.get(tasks)
            self.first_losses.set(tasks, torch.where(first.isnan(), means, first))
