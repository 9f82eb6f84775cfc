"""DB-MTL: logarithms of the losses, and averaged gradients of the same norm."""

from typing import NamedTuple

import torch
from torch import Tensor

from .unit_rows import unit_rows

EPSILON = 1e-8  # of the authors: added to the losses before the logarithm


class DBMTLState(NamedTuple):
    """The averaged gradients (T, D) and the number of steps (T,) of each task."""

    averages: Tensor
    steps: Tensor


def db_mtl_step(
    jacobian: Tensor, losses: Tensor, state: DBMTLState, beta: float = 0.9, beta_decay: float = 0.0
) -> tuple[Tensor, Tensor, DBMTLState]:
    """One step of DB-MTL.

    The average `b` of a task follows the gradient of `log(L + 1e-8)`: `b = g + rate (b - g)` with the rate `beta /
    step^beta_decay`. The direction is the sum of the averages, each scaled to the largest of their norms.

    A task with a zero gradient is left out of the direction, and its average stays. LibMTL shrinks the average towards
    0 and then scales this old direction up again to full norm. An absent task must not be passed. LibMTL adds 1e-8 to
    the norms of the averages. Here the result does not depend on the unit of the gradients.

    Lin et al., "Dual-Balancing for Multi-Task Learning", 2023, algorithm 1.

    Args:
        jacobian: One gradient of the loss (not of its logarithm) per task, shape (T, D).
        losses: The losses `L` of the tasks, shape (T,). Negative losses count as 0.
        state: The state of the same tasks, not modified. It starts with averages and steps 0.
        beta: How much of the average remains in a step, at the first step.
        beta_decay: How fast that share falls. At 0 it is constant.

    Returns:
        The direction (D,), the weights of the losses of the heads, `1 / (L + 1e-8)` (T,), and the new state.
    """
    moving = jacobian.any(dim=1)
    factors = 1 / (losses.clamp(min=0) + EPSILON)
    steps = state.steps + moving.to(state.steps)
    grads = jacobian * factors[:, None].to(jacobian)
    rate = (beta / steps.clamp(min=1) ** beta_decay)[:, None].to(jacobian)
    averages = torch.where(moving[:, None], grads + rate * (state.averages - grads), state.averages)

    directions, norms = unit_rows(averages)
    direction = (norms * moving[:, None]).amax() * (directions * moving[:, None]).sum(dim=0)
    return direction, factors, DBMTLState(averages, steps)
