from typing import Literal

import torch
from torch import Tensor

from .gramian import norms
from .nonnegative import nonnegative_least_squares
from .psd_root import psd_root
from .unit_gramian import unit_gramian

Normalisation = Literal["none", "l2", "loss", "loss+"]
NORMALISATIONS: tuple[Normalisation, ...] = ("none", "l2", "loss", "loss+")


def min_norm_weights(gramian: Tensor) -> Tensor:
    """The weights `w` of the shortest vector in the convex hull of the gradients: `min w^T G w` on the simplex.

    The solution is exact and does not depend on the scale of the Gramian. The weights are not unique if rows are
    linearly dependent; the shortest vector is. A zero row is itself the shortest vector, so the zero rows share the
    weight. `mgda_weights` leaves them out.

    Args:
        gramian: The Gramian `J J^T`, (T, T), in float64.

    Returns:
        Non-negative weights (T,) with sum 1.
    """
    return shortest_in_hull(points_of(gramian))


def points_of(gramian: Tensor) -> Tensor:
    """Columns (T, T) with the given inner products, also precise for columns of very different lengths."""
    cosines, inverse = unit_gramian(gramian)
    return psd_root(cosines) * torch.where(inverse > 0, 1 / inverse, 0.0)


def shortest_in_hull(points: Tensor) -> Tensor:
    """The weights of the shortest vector in the convex hull of some points.

    It is a non-negative least squares problem: the minimiser of `|P x|^2 + (sum(x) - 1)^2` over `x >= 0` is a multiple
    of the weights.

    Args:
        points: The points, as columns (D, T) in float64.

    Returns:
        Non-negative weights (T,) with sum 1. Points at 0 share the weight.
    """
    lengths = points.norm(dim=0)
    shortest = lengths.min()
    if shortest == 0:
        zero = (lengths == 0).to(points.dtype)
        return zero / zero.sum()
    # In the unknowns x_i * length, the columns have length 1. Any factor of the last row gives the same solution.
    shares = shortest / lengths
    target = torch.zeros(len(points) + 1, dtype=points.dtype)
    target[-1] = 1
    weights = nonnegative_least_squares(torch.cat([points / lengths, shares[None]]), target) * shares
    return weights / weights.sum()


def normalised_gramian(
    gramian: Tensor, losses: Tensor | None = None, normalisation: Normalisation = "none"
) -> tuple[Tensor, Tensor]:
    """Divide the gradients by their norms, the losses or both before MGDA is solved.

    Args:
        gramian: The Gramian `J J^T`, (T, T), in float64.
        losses: The losses (T,); required by `loss` and `loss+`.
        normalisation: `none`, `l2` (the gradient's norm), `loss`, or `loss+` (the product of both).

    Returns:
        The Gramian of the normalised gradients (T, T), and the factor of each row (T,). The factor is 0 where the norm
        or the loss is 0.
    """
    divisors = torch.ones_like(gramian.diagonal())
    if normalisation in ("l2", "loss+"):
        divisors = divisors * norms(gramian)
    if normalisation in ("loss", "loss+"):
        if losses is None:
            raise ValueError(f"normalisation={normalisation!r} divides by the losses; pass `losses`")
        divisors = divisors * losses.abs()
    factors = torch.where(divisors > 0, 1 / divisors, 0.0)
    return factors[:, None] * gramian * factors, factors


def mgda_weights(gramian: Tensor, losses: Tensor | None = None, normalisation: Normalisation = "none") -> Tensor:
    """The weights of MGDA (Désidéri, Comptes Rendus 2012; Sener and Koltun, NeurIPS 2018, Algorithm 2).

    The weights are those of `min_norm_weights` for the normalised gradients. They multiply the original gradients, as
    in Algorithm 2. A zero row gets weight 0 and the other rows are solved without it; otherwise it would stop the
    training.

    Args:
        gramian: The Gramian `J J^T`, (T, T), in float64.
        losses: The losses (T,); required by the normalisations `loss` and `loss+`.
        normalisation: As in `normalised_gramian`.

    Returns:
        Non-negative weights (T,) with sum 1; all 0 if every row is zero.
    """
    normalised, _ = normalised_gramian(gramian, losses, normalisation)
    weights = torch.zeros_like(gramian.diagonal())
    rows = (normalised.diagonal() > 0).nonzero()[:, 0]
    if len(rows):
        weights[rows] = min_norm_weights(normalised[rows][:, rows])
    return weights
