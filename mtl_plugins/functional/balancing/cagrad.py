import math
from typing import Literal

import torch
from torch import Tensor

from .dual_cone import project_on_dual_cone
from .min_norm import points_of, shortest_in_hull

_NEARLY_ZERO = 1e-5  # a vector of this length, relative to the sum of its terms' lengths, counts as zero
_TOLERANCE = 1e-10  # of the logarithm of the ratio
_ROUNDING = 1e-14  # makes the Gramian positive definite, relative to its trace


def cagrad_weights(gramian: Tensor, c: float = 0.5, rescale: Literal[0, 1, 2] = 0) -> Tensor:
    """The weights of CAGrad: the step near the mean gradient with the largest worst-case decrease.

    `d` maximises `min_i g_i^T d` subject to `|d - g_0| <= c |g_0|`, where `g_0` is the mean gradient. In the dual,
    `d = g_0 + c |g_0| g_w / |g_w|`, and `g_w = J^T w` minimises `g_w^T g_0 + c |g_0| |g_w|` on the simplex. For a fixed
    ratio `c |g_0| / |g_w|` that is a shortest-vector problem with an exact solution; root finding gives the ratio.

    At a Pareto-stationary point `g_w` can be 0. Then the projection of `g_0` on the dual cone is a solution. The
    weights do not depend on the scale of the Gramian. A zero row gets weight 0 and the other rows are solved without
    it; otherwise every direction without conflicts would be a solution.

    Reference: Liu et al., Conflict-Averse Gradient Descent for Multi-task Learning, NeurIPS 2021.

    Args:
        gramian: The Gramian `J J^T`, (T, T), in float64.
        c: The radius of the search, relative to the norm of the mean gradient; 0 gives the mean gradient.
        rescale: Divide the direction by 1 (0), `1 + c^2` (1) or `1 + c` (2).

    Returns:
        Non-negative weights (T,) that multiply the gradients; all 0 if every row is zero.
    """
    weights = torch.zeros_like(gramian.diagonal())
    rows = (gramian.diagonal() > 0).nonzero()[:, 0]
    if len(rows):
        weights[rows] = _solve(gramian[rows][:, rows], c)
    return weights / (1, 1 + c**2, 1 + c)[rescale]


def _solve(gramian: Tensor, c: float) -> Tensor:
    """The weights for rows that are not zero."""
    from scipy.optimize import brentq

    mean = torch.full_like(gramian.diagonal(), 1 / len(gramian))
    points = points_of(gramian)  # gradients of the same inner products, as columns
    norms = gramian.diagonal().sqrt()
    radius = c * _length(points, mean)
    if radius <= c * _NEARLY_ZERO * float(norms.mean()):
        return mean
    mean_point = points.mean(1, keepdim=True)

    def closest(log_ratio: float) -> Tensor:
        """The minimiser of `g_w^T g_0 + ratio / 2 |g_w|^2`: the shortest of the vectors `g_i + g_0 / ratio`."""
        return shortest_in_hull(points + mean_point * math.exp(-log_ratio))

    def excess(log_ratio: float) -> float:
        """By how much `ratio |g_w|` is larger than the radius; it grows with the ratio."""
        return _length(points, closest(log_ratio)) * math.exp(log_ratio) / radius - 1

    # ratio * |g_w| grows with the ratio. The solution is where it equals the radius.
    shortest = shortest_in_hull(points)
    bound = max(_length(points, shortest), _NEARLY_ZERO * float(shortest @ norms))
    low, high = math.log(radius / float(norms.max())), math.log(radius / bound)
    if excess(high) > 0:
        high = low if excess(low) >= 0 else brentq(excess, low, high, xtol=_TOLERANCE)
    elif bound > _length(points, shortest):  # Pareto-stationary
        extra = project_on_dual_cone(gramian, mean[None], regularisation=_ROUNDING)[0] - mean
        return mean + min(1.0, radius / max(_length(points, extra), radius)) * extra
    w = closest(high)
    return mean + radius / _length(points, w) * w


def _length(points: Tensor, weights: Tensor) -> float:
    """The length of a combination of the points."""
    return float((points @ weights).norm())
