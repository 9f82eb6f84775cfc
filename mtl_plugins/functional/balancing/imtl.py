import torch
from torch import Tensor

from .unit_gramian import unit_gramian

_RANK = 1e-12  # eigenvalues of the cosines below this share of the largest count as 0


def impartial_weights(gramian: Tensor) -> tuple[Tensor, Tensor]:
    """Weights of a direction whose projections on all unit gradients are 1: `w_i = (C^+ 1)_i / |g_i|`.

    `C` are the cosines. For linearly dependent gradients without such a direction, the projections are as close to 1 as
    possible (least squares).

    Args:
        gramian: The Gramian `J J^T`, (T, T), in float64. A zero row gets weight 0 and does not count.

    Returns:
        The weights (T,), which may be negative, and the norm of the direction, a scalar.
    """
    cosines, inverse = unit_gramian(gramian)
    solution = torch.linalg.pinv(cosines, rtol=_RANK, hermitian=True) @ (inverse > 0).to(gramian.dtype)
    return inverse * solution, solution.dot(cosines @ solution).clamp(min=0).sqrt()


def imtl_g_weights(gramian: Tensor) -> Tensor:
    """The weights of IMTL-G: the direction has equal projections on all unit gradients, and the weights sum to 1.

    Where some weights are negative, their sum can be close to 0 or negative, and dividing by it would make an
    arbitrarily long or an ascending step. The projection is therefore always positive and at most the norm of the
    longest gradient. Then the weights do not sum to 1.

    Reference: Liu et al., Towards Impartial Multi-task Learning, ICLR 2021, Equation 6.

    Args:
        gramian: The Gramian `J J^T`, (T, T), in float64. A zero row gets weight 0 and does not count.

    Returns:
        The weights (T,).
    """
    weights, _ = impartial_weights(gramian)
    longest = gramian.diagonal().max().clamp(min=0).sqrt()
    if longest == 0:
        return weights
    return weights / weights.sum().clamp(min=1 / longest)
