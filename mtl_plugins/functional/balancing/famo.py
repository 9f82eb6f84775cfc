"""FAMO: weights that let all losses fall at the same rate, without gradients of the tasks.

Liu et al., "FAMO: Fast Adaptive Multitask Optimization", NeurIPS 2023.
"""

from typing import NamedTuple

import torch
from torch import Tensor

EPSILON = 1e-8  # of the authors, in the logarithm and in Adam
BETAS = (0.9, 0.999)  # of Adam


class FamoState(NamedTuple):
    """The logits and Adam's state of each task; all tensors have the shape (T,)."""

    logits: Tensor
    mean: Tensor
    square: Tensor
    steps: Tensor


def famo_objective(losses: Tensor, logits: Tensor, floor: Tensor | float = 0.0) -> Tensor:
    """FAMO's objective `c sum z log(L - b + eps)` with `z = softmax(logits)` and `c = 1 / sum(z / (L - b + eps))`.

    The weight of a task is `c z / (L - b + eps)`. The weights sum to 1. `c` is a constant for the gradient. `eps` is
    the authors' 1e-8: losses far below it all count as `eps`.

    Args:
        losses: Losses `L` of the tasks, shape (T,).
        logits: The learned logits, shape (T,). They start at 0.
        floor: A lower bound `b` of each loss. Losses below it count as `b`.
    """
    weights = logits.detach().softmax(dim=0)
    excess = (losses - floor).clamp(min=0) + EPSILON
    scale = 1 / (weights / excess.detach()).sum()
    return scale * (weights * excess.log()).sum()


def famo_update(
    before: Tensor,
    after: Tensor,
    state: FamoState,
    lr: float = 0.025,
    decay: float = 1e-3,
    floor: Tensor | float = 0.0,
) -> FamoState:
    """One step of Adam on the logits, from how much each loss fell.

    The gradient is that of the softmax, applied to `delta = log(before - b + eps) - log(after - b + eps)`, plus
    `decay * logits`. A task whose loss fell more than the others gets a lower weight.

    Pass only the tasks that have both losses, with their part of the state. An absent task must not be passed with
    equal losses, because momentum and the softmax would move its logit. Each task counts its own steps.

    Args:
        before: The losses before the step, shape (T,).
        after: The losses after it, shape (T,).
        state: The state of the same tasks. Not modified.
        lr: The learning rate of Adam.
        decay: L2 penalty on the logits. LibMTL and TorchJD use 1e-3, the authors' code 1e-5.
        floor: A lower bound `b` of each loss.
    """
    before, after = ((losses - floor).clamp(min=0) + EPSILON for losses in (before, after))
    delta = before.log() - after.log()
    weights = state.logits.softmax(dim=0)
    grad = weights * (delta - (weights * delta).sum()) + decay * state.logits
    steps = state.steps + 1
    mean = torch.lerp(grad, state.mean, BETAS[0])
    square = torch.lerp(grad.square(), state.square, BETAS[1])
    root = (square / (1 - BETAS[1] ** steps)).sqrt() + EPSILON
    logits = state.logits - lr * mean / (1 - BETAS[0] ** steps) / root
    return FamoState(logits, mean, square, steps)
