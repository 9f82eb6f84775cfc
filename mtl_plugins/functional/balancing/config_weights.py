import torch
from torch import Tensor

from .imtl import impartial_weights


def config_weights(gramian: Tensor) -> Tensor:
    """The weights of ConFIG: equal cosines with all gradients, and the length of the summed projections.

    `d = (sum_i g_i^T u) u`, where the unit vector `u` has the same cosine with every gradient. For linearly dependent
    gradients without such a direction, least squares decide; opposite gradients without a compromise give 0.

    Reference: Liu et al., ConFIG: Towards Conflict-free Training of Physics Informed Neural Networks, ICLR 2025.

    Args:
        gramian: The Gramian `J J^T`, (T, T), in float64. A zero row gets weight 0 and does not count.

    Returns:
        The weights (T,), which may be negative.
    """
    weights, norm = impartial_weights(gramian)
    if norm <= 0:
        return torch.zeros_like(weights)
    unit = weights / norm
    return (gramian @ unit).sum() * unit
