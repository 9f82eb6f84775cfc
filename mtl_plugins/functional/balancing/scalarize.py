"""Objectives that follow a preference between the tasks.

If a task is absent, leave out its entry of all arguments. Only the direction of the preference matters to `pbi`, and to
the second term of `cosmos`.
"""

import torch
from torch import Tensor
from torch.nn.functional import cosine_similarity

SQUARED_DISTANCE = 1e-12  # keeps the gradient of the root finite where the losses have the preferred direction


def cosmos_objective(losses: Tensor, preference: Tensor, penalty: float) -> Tensor:
    """COSMOS: `p . L - penalty cos(p, L)`.

    The weight of a task can be negative: a loss that is too small compared to its preference may grow. The cosine of
    losses that are all 0 is 0. If the norm of the losses is below 1e-8, it counts as 1e-8 in the cosine.

    Ruchte and Grabocka, "Scalable Pareto Front Approximation for Deep Multi-Objective Learning", ICDM 2021. Their
    network also reads the preference as an input; this is only the objective.

    Args:
        losses: The losses `L` of the tasks, shape (T,).
        preference: `p`, shape (T,).
        penalty: The factor of the cosine. The paper uses 0.01 to 8.
    """
    return (preference * losses).sum() - penalty * cosine_similarity(preference, losses, dim=0)


def pbi_objective(losses: Tensor, preference: Tensor, penalty: float = 5.0, reference: Tensor | float = 0.0) -> Tensor:
    """Penalty-based boundary intersection: `d1 + penalty d2`.

    `d1` is the length of `L - z` along the preference, and `d2` its distance from that line. The weight of a task can
    be negative, as in `cosmos_objective`. `d2` is at least 1e-6.

    Zhang and Li, "MOEA/D: A Multiobjective Evolutionary Algorithm Based on Decomposition", IEEE Transactions on
    Evolutionary Computation 2007, section III-A.

    Args:
        losses: The losses `L` of the tasks, shape (T,).
        preference: The preferred ratio of the losses, shape (T,), not all 0.
        penalty: The factor of the distance. The paper uses 5.
        reference: The ideal point `z`: a lower bound of each loss, shape (T,), or one number for all.
    """
    direction = preference / preference.norm()
    shifted = losses - reference
    along = shifted @ direction
    distance = torch.sqrt((shifted - along * direction).square().sum() + SQUARED_DISTANCE)
    return along + penalty * distance
