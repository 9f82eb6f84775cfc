"""ExcessMTL: higher weights for tasks that are far from their optimum."""

from typing import NamedTuple

import torch
from torch import Tensor

from .share_weights import share_weights

EPSILON = 1e-7  # of the authors: added to the sum of squares


class ExcessState(NamedTuple):
    """The state of each task.

    `roots` (T, D) are the roots of the sums of all squared gradients. `baseline` (T,) is the mean excess risk of the
    first steps, of which `steps` (T,) counts all. `weights` (T,) have the sum T over all tasks.
    """

    roots: Tensor
    baseline: Tensor
    weights: Tensor
    steps: Tensor


def excess_step(
    jacobian: Tensor, state: ExcessState, lr: float = 0.01, warmup: int = 1
) -> tuple[Tensor, Tensor, ExcessState]:
    """One step of ExcessMTL.

    The excess risk of a task is estimated as `e = sum g^2 / sqrt(S + 1e-7)`, where `S` is the sum of all squared
    gradients so far. The weights are multiplied by `exp(lr e / baseline)` and scaled to the sum T.

    The baseline is the mean of `e` over the first `warmup` steps of the task with a gradient. Until it is known,
    `e / baseline` is 1, so the weights of the first step stay equal, as in LibMTL. TorchJD's first step without its
    warm-up uses `e` without a baseline, and with its default rate of 1 that gives all of the weight to one task.

    A task with a zero gradient has `e = 0`, so its weight falls slowly, and never to 0. Its baseline waits for its
    first gradient: with a baseline of 0, LibMTL returns NaN from then on, and TorchJD gives the task all of the weight.
    An absent task must not be passed: its state stays, and the others keep the sum of their weights.

    He et al., "Robust Multi-Task Learning with Excess Risks", ICML 2024, eq. 6, 7 and 9.

    Args:
        jacobian: One gradient per task, shape (T, D).
        state: The state of the same tasks, not modified. It starts with weights 1 and all else 0.
        lr: The rate of the weights. LibMTL uses 0.01, TorchJD 1.
        warmup: The number of steps for the baseline, at least 1. The paper uses 3 epochs.

    Returns:
        The direction (D,), the weights of the losses, of sum T (T,), and the new state.
    """
    roots = torch.hypot(state.roots, jacobian)
    scale = torch.hypot(roots, roots.new_tensor(EPSILON**0.5))
    excess = (jacobian * (jacobian / scale)).sum(dim=1, dtype=torch.float64).to(state.baseline)

    steps = state.steps + (excess > 0).to(state.steps)
    learning = (steps <= warmup) & (excess > 0)
    mean = state.baseline + (excess - state.baseline) / steps.clamp(min=1)
    baseline = torch.where(learning, mean, state.baseline)
    ratio = torch.where(learning, 1.0, excess / torch.where(baseline > 0, baseline, 1.0))

    weights = (state.weights.log() + lr * ratio).softmax(dim=0)
    kept = share_weights(weights, state.weights)
    weights = len(weights) * weights
    direction = jacobian.T @ weights.to(jacobian)
    return direction, weights, ExcessState(roots, baseline, kept, steps)
