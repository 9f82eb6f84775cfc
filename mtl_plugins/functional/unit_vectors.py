"""Normalising vectors, quickly on the CPU."""

from torch import Tensor


def unit_vectors(vectors: Tensor, dim: int = 1, eps: float = 1e-12) -> Tensor:
    """Scale vectors along `dim` to length 1.

    Vectors shorter than `eps` are divided by `eps` instead, so 0 stays 0. Same result as `F.normalize`, which takes ten
    times as long on the CPU for maps (N, C, H, W).
    """
    return vectors * vectors.square().sum(dim=dim, keepdim=True).clamp(min=eps * eps).rsqrt()
