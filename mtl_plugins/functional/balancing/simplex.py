import torch
from torch import Tensor


def project_to_simplex(values: Tensor) -> Tensor:
    """The point of the probability simplex that is closest to `values` (T,).

    Reference: Duchi et al., Efficient Projections onto the l1-Ball for Learning in High Dimensions, ICML 2008.
    """
    ordered = values.sort(descending=True).values
    shifts = (ordered.cumsum(0) - 1) / torch.arange(1, len(values) + 1, dtype=values.dtype)
    kept = int((ordered > shifts).sum())
    return (values - shifts[kept - 1]).clamp(min=0)
