import torch
from torch import Tensor

from .gramian import norms
from .nonnegative import nonnegative_least_squares
from .psd_root import psd_root

_INFEASIBLE = 1e-10  # the squared residual of the dual problem; the correction would be 1e5 times the violation
_ROUNDING = 1e-7  # a direction of this length, relative to the sum of its terms' lengths, counts as zero


def pcd_weights(
    gramian: Tensor,
    averages: Tensor,
    steps: Tensor,
    tau: float | Tensor = 0.02,
    beta: float = 0.999,
    eps: float = 0.0,
) -> tuple[Tensor, Tensor]:
    """The weights of PCD: follow the primary gradient, row 0, and guarantee progress for the others.

    The gradients are divided by the root of a moving average of their squared norms. `d` is the closest vector to the
    primary gradient with `g_j^T d >= tau |g_j|^2` for all others, rescaled to the length of the unscaled primary
    gradient. If the conditions contradict each other, `d` is the primary gradient.

    Reference: Priority-Constrained Descent for Hierarchical Multi-Objective Optimization, TMLR 2026.

    Args:
        gramian: The Gramian `J J^T`, (T, T), in float64. A zero row gets weight 0; a zero primary row makes all weights
            0.
        averages: The moving averages (T,) of the squared norms, at first 0.
        steps: How many steps each average has including this one, (T,), for the correction of its bias.
        tau: The guaranteed share of progress, 0 to 1; one number or one for each row but the first.
        beta: The decay of the averages, 0 to 1 (exclusive).
        eps: Added to the averages before the root; TorchJD adds 1e-8.

    Returns:
        Non-negative weights (T,), and the new averages (T,).
    """
    squared = gramian.diagonal().clamp(min=0)
    averages = beta * averages + (1 - beta) * squared
    scales = (averages / (1 - beta**steps) + eps).sqrt()
    scales = torch.where(scales > 0, 1 / scales, 0.0)
    scaled = scales[:, None] * gramian * scales
    weights = torch.zeros_like(squared)
    if squared[0] <= 0:
        return weights, averages
    solution = _closest(scaled, torch.as_tensor(tau, dtype=gramian.dtype).expand(len(gramian) - 1))
    length = (solution @ scaled @ solution).clamp(min=0).sqrt()
    if length > _ROUNDING * (solution @ norms(scaled)):
        weights = solution * scales * squared[0].sqrt() / length
    return weights, averages


def _closest(gramian: Tensor, tau: Tensor) -> Tensor:
    """The weights of the vector closest to row 0 whose product with every other row j is at least `tau_j |g_j|^2`.

    Least distance programming: `d - g_0` is the shortest vector `x` with `A^T x >= b`, a non-negative least squares
    problem (Lawson and Hanson, Solving Least Squares Problems, Chapter 23).
    """
    weights = torch.zeros_like(gramian.diagonal())
    weights[0] = 1
    lengths = norms(gramian)[1:]
    rows = (lengths > 0).nonzero()[:, 0]
    lengths = lengths[rows]
    missing = tau[rows] * lengths - gramian[0, rows + 1] / lengths
    if not (missing > 0).any():
        return weights
    unit = missing.max()
    matrix = torch.cat([psd_root(gramian)[:, rows + 1] / lengths, (missing / unit)[None]])
    target = torch.zeros(len(matrix), dtype=gramian.dtype)
    target[-1] = 1
    solution = nonnegative_least_squares(matrix, target)
    residual = 1 - matrix[-1] @ solution
    if residual > _INFEASIBLE:
        weights[rows + 1] = unit * solution / residual / lengths
    return weights
