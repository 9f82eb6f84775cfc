import torch
from torch import Tensor

from .gramian import norms
from .simplex import project_to_simplex


def modo_weights(cross: Tensor, weights: Tensor, gamma: float = 0.1, rho: float = 0.1) -> Tensor:
    """One step of MoDo: `w <- P(w - gamma (G_1 G_2^T w + rho w))`, where P projects on the simplex.

    Reference: Chen et al., Three-Way Trade-Off in Multi-Objective Learning, NeurIPS 2023 (JMLR 2024).

    Args:
        cross: The products `G_1 G_2^T` (T, T), in float64, of the gradients of two independent batches. The Gramian of
            one batch is a biased estimate. A zero row gains weight.
        weights: The weights (T,) so far, on the simplex.
        gamma: The learning rate of the weights.
        rho: The factor of the squared norm of the weights in their objective.

    Returns:
        Non-negative weights (T,) with sum 1.
    """
    return project_to_simplex(weights - gamma * (cross @ weights + rho * weights))


def sdmgrad_weights(
    cross: Tensor,
    weights: Tensor,
    lr: float = 5.0,
    momentum: float = 0.5,
    steps: int = 20,
    regularisation: float = 0.3,
    preference: Tensor | None = None,
    eps: float = 0.0,
) -> tuple[Tensor, Tensor]:
    """The weights of SDMGrad: some steps of SGD on `w`, near the preference.

    The products are divided by the squared mean of the gradients' norms, so the weights do not depend on their scale.
    The direction is `(J^T w + r J^T p) / (1 + r)` for the regularisation r and the preference p.

    Reference: Xiao et al., Direction-oriented Multi-objective Learning, NeurIPS 2023, Algorithm 1.

    Args:
        cross: The products `G_1 G_2^T` (T, T), in float64, of the gradients of two independent batches. The Gramian of
            one batch is a biased estimate. A zero row gains weight.
        weights: The state `w` (T,) so far, on the simplex.
        lr: The learning rate of `w`.
        momentum: The momentum of SGD.
        steps: How many steps of SGD to take.
        regularisation: How strongly the direction is drawn to the preference (lambda in the paper).
        preference: The share of each gradient (T,); by default 1/T.
        eps: Added to the squared mean of the norms; TorchJD adds 1e-8.

    Returns:
        The weights of the gradients (T,), with sum 1, and the new state `w` (T,).
    """
    if preference is None:
        preference = torch.full_like(weights, 1 / len(weights))
    scale = norms(cross).mean()
    products = cross / (scale**2 + eps) if scale > 0 else torch.zeros_like(cross)
    velocity = torch.zeros_like(weights)
    for _ in range(steps):
        velocity = momentum * velocity + products @ (weights + regularisation * preference)
        weights = project_to_simplex(weights - lr * velocity)
    return (weights + regularisation * preference) / (1 + regularisation), weights
