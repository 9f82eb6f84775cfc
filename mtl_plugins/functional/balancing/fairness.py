import numpy as np
import torch
from torch import Tensor

from .unit_gramian import unit_gramian

_STEPS = 200  # Newton's method needs about ten; nearly opposite gradients need about forty
_CONVERGED = 1e-8  # the largest relative change of a weight in the last step; the error is about its square
_REGULARISATION = 1e-10  # added to the squared norms, relative to them, so that opposite gradients have a solution
_SMALLEST = 0.1  # a step leaves at least this share of each weight
_SHORTEST = 1e-6  # only rounding errors make a smaller share of a step necessary


def nash_weights(gramian: Tensor) -> Tensor:
    """The weights of Nash-MTL: `w_i (G w)_i = 1` with `w > 0` (Navon et al., ICML 2022).

    This is `fair_weights` with `alpha=1`. The norm of the direction is the square root of the number of rows that are
    not zero.
    """
    return fair_weights(gramian, 1.0)


def fair_weights(gramian: Tensor, alpha: float = 1.0) -> Tensor:
    """The weights of FairGrad: `(G w)_i = w_i^(-1/alpha)` with `w > 0` (Ban and Ji, ICML 2024, Equation 4).

    The solution minimises a convex function. Newton's method finds it to the precision of float64, in units in which
    the solution is 1 for orthogonal gradients, so that gradients of very different norms are no difficulty. Gradients
    that are s times as long have weights that are `s^(-2 alpha / (1 + alpha))` times as large. Exactly opposite
    gradients have no solution; their weights are large, finite and cancel.

    Args:
        gramian: The Gramian `J J^T`, (T, T), in float64. A zero row gets weight 0.
        alpha: The kind of fairness, positive: 1 is proportional fairness; larger values favour the task that improves
            least.

    Returns:
        Non-negative weights (T,).
    """
    cosines, inverse = unit_gramian(gramian)
    weights = torch.zeros_like(inverse)
    rows = (inverse > 0).nonzero()[:, 0]
    if len(rows):
        scale = inverse[rows].numpy()
        power = 1 / (1 + alpha)
        x = _solve(cosines[rows][:, rows].numpy(), scale ** ((alpha - 1) * power), alpha)
        weights[rows] = torch.from_numpy(x * scale ** (2 * alpha * power))
    return weights


def _solve(cosines: np.ndarray, lengths: np.ndarray, alpha: float) -> np.ndarray:
    """Solve `sum_j C_ij l_j x_j = l_i x_i^(-1/alpha)`, the equations of FairGrad for `w_i = x_i |g_i|^(-2a/(1+a))`."""
    identity = np.eye(len(cosines))
    cosines = cosines + _REGULARISATION * identity
    x = np.ones(len(cosines))

    def gradient(x: np.ndarray) -> np.ndarray:
        """The gradient with respect to `l x` of the function to minimise."""
        return cosines @ (lengths * x) - lengths * x ** (-1 / alpha)

    for _ in range(_STEPS):
        curvature = cosines + identity * x ** (-1 / alpha - 1) / alpha
        scaled_step = -np.linalg.solve(curvature, gradient(x))
        slope = scaled_step @ gradient(x)  # negative
        step = scaled_step / lengths
        size = min(1.0, (1 - _SMALLEST) / max(np.max(-step / x), 1e-300))
        while scaled_step @ gradient(x + size * step) > -0.5 * slope and size > _SHORTEST:  # too far
            size /= 2
        x = x + size * step
        if np.max(np.abs(step) / x) < _CONVERGED or size <= _SHORTEST:
            break
    return x
