import torch
from torch import Tensor

from .nonnegative import nonnegative_least_squares

_REGULARISATION = 1e-4  # relative to the trace, as in TorchJD


def project_on_dual_cone(gramian: Tensor, vectors: Tensor, regularisation: float = _REGULARISATION) -> Tensor:
    """Project combinations of the gradients onto the dual cone, where they conflict with no gradient.

    The projection of `J^T u` is `J^T v` with `v` the minimiser of `v^T (G / trace(G) + regularisation I) v` over `v >=
    u`. The solution is exact and does not depend on the scale of the Gramian.

    Reference: Quinton and Rey, Jacobian Descent for Multi-Objective Optimization, 2024, Proposition 1.

    Args:
        gramian: The Gramian `J J^T`, (T, T), in float64. A zero row keeps its weight `u_i`.
        vectors: The weights `u` of the combinations, (K, T).
        regularisation: Makes the solution unique for linearly dependent gradients. Conflicts with gradients whose
            squared norm is below this share of the trace remain.

    Returns:
        The weights `v` of the projections, (K, T).
    """
    trace = gramian.trace()
    if trace <= 0:
        return vectors.clone()
    scaled = gramian / trace + regularisation * torch.eye(len(gramian), dtype=gramian.dtype)
    root = torch.linalg.cholesky(scaled).T.contiguous()  # scaled = root^T root
    return torch.stack([u + nonnegative_least_squares(root, -(root @ u)) for u in vectors])


def upgrad_weights(gramian: Tensor, preference: Tensor | None = None) -> Tensor:
    """The weights of UPGrad: the mean of the gradients, each projected on the dual cone (Quinton and Rey, 2024).

    Args:
        gramian: The Gramian `J J^T`, (T, T), in float64. A zero row keeps its preference.
        preference: The share of each gradient (T,); by default 1/T.

    Returns:
        Non-negative weights (T,), at least the preference.
    """
    return project_on_dual_cone(gramian, torch.diag(_preference(gramian, preference))).sum(0)


def dual_proj_weights(gramian: Tensor, preference: Tensor | None = None) -> Tensor:
    """The weights of DualProj: the mean gradient, projected on the dual cone (GEM, Lopez-Paz and Ranzato, NeurIPS
    2017).

    Args:
        gramian: The Gramian `J J^T`, (T, T), in float64. A zero row keeps its preference.
        preference: The share of each gradient (T,); by default 1/T.

    Returns:
        Non-negative weights (T,), at least the preference.
    """
    return project_on_dual_cone(gramian, _preference(gramian, preference)[None])[0]


def _preference(gramian: Tensor, preference: Tensor | None) -> Tensor:
    if preference is None:
        return torch.full_like(gramian.diagonal(), 1 / len(gramian))
    return preference.to(gramian.dtype)
