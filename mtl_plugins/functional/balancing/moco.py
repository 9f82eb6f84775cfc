"""MoCo: weights from gradients that are averaged over time."""

from typing import NamedTuple

import torch
from torch import Tensor

from .share_weights import share_weights
from .unit_rows import unit_rows


class MoCoState(NamedTuple):
    """The averaged gradients (T, D), the weights (T,) and the number of steps (T,) of each task."""

    averages: Tensor
    weights: Tensor
    steps: Tensor


def moco_step(
    jacobian: Tensor,
    losses: Tensor,
    state: MoCoState,
    beta: float = 0.5,
    beta_decay: float = 0.5,
    gamma: float = 0.1,
    gamma_decay: float = 0.5,
    rho: float = 0.0,
) -> tuple[Tensor, Tensor, MoCoState]:
    """One step of MoCo.

    The average `y` of a task follows `L g / |g|` with the rate `beta / step^beta_decay`. The weights follow `w =
    softmax(w - rate (y y^T + rho I) w)` with the rate `gamma / step^gamma_decay`. The direction is `w y`. The softmax
    of numbers between 0 and 1 stays close to equal weights. The authors' code and LibMTL use it, the paper projects on
    the simplex.

    The average of a task with a zero gradient decays. An absent task must not be passed: its average and its share of
    the weights stay. Each task counts its own steps.

    Fernando et al., "Mitigating Gradient Bias in Multi-Objective Learning: A Provably Convergent Approach", ICLR 2023.
    LibMTL adds 1e-8 to the norm. Here the result does not depend on the unit of the gradients.

    Args:
        jacobian: One gradient per task, shape (T, D).
        losses: The losses `L` of the tasks, shape (T,).
        state: The state of the same tasks, not modified. It starts with averages 0, equal weights of the sum 1 over all
            tasks, and steps 0.
        beta: The rate of the averages at the first step.
        beta_decay: How fast that rate falls.
        gamma: The rate of the weights at the first step.
        gamma_decay: How fast that rate falls.
        rho: L2 penalty on the weights.

    Returns:
        The direction (D,), the weights of the averages, of sum 1 (T,), and the new state.
    """
    steps = state.steps + 1
    target = unit_rows(jacobian)[0] * losses[:, None].to(jacobian)
    averages = state.averages + (beta / steps**beta_decay)[:, None].to(jacobian) * (target - state.averages)

    weights = state.weights / state.weights.sum()
    largest = averages.abs().amax().clamp(min=torch.finfo(averages.dtype).tiny)
    scaled = averages / largest  # whose products cannot overflow
    slope = (scaled @ (scaled.T @ weights.to(scaled))).to(weights) * largest.to(weights) ** 2 + rho * weights
    weights = (weights - gamma / steps**gamma_decay * slope).softmax(dim=0)
    direction = averages.T @ weights.to(averages)
    return direction, weights, MoCoState(averages, share_weights(weights, state.weights), steps)
