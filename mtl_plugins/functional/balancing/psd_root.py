import torch
from torch import Tensor


def psd_root(matrix: Tensor) -> Tensor:
    """A matrix `A` with `A^T A = matrix`, for a symmetric matrix without negative eigenvalues except by rounding."""
    values, vectors = torch.linalg.eigh(matrix)
    return values.clamp(min=0).sqrt()[:, None] * vectors.T
