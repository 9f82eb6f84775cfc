from torch import Tensor


def unit_vectors(vectors: Tensor, dim: int = 1, eps: float = 1e-12) -> Tensor:
    """Vectors along ``dim`` at length 1; shorter ones than ``eps`` are taken as having that length, so 0 stays 0.

    ``F.normalize``, which on the CPU takes ten times as long for maps (N, C, H, W).
    """
    return vectors * vectors.square().sum(dim=dim, keepdim=True).clamp(min=eps * eps).rsqrt()
