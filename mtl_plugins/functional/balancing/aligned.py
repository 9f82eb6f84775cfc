from typing import Literal

from torch import Tensor

ScaleMode = Literal["min", "median", "rmse"]
SCALE_MODES: tuple[ScaleMode, ...] = ("min", "median", "rmse")


def aligned_weights(gramian: Tensor, scale_mode: ScaleMode = "min", preference: Tensor | None = None) -> Tensor:
    """The weights of Aligned-MTL: the gradients are made orthogonal and equally long, then averaged.

    `w = sqrt(s) V L^(-1/2) V^T p` for the eigenvalues `L` and eigenvectors `V` of the Gramian. Eigenvalues that are 0
    up to rounding are left out. The computation is TorchJD's.

    Reference: Senushkin et al., Independent Component Alignment for Multi-Task Learning, CVPR 2023, Algorithm 1.

    Args:
        gramian: The Gramian `J J^T`, (T, T), in float64. A zero row gets weight 0, unless all rows are zero.
        scale_mode: The common squared length `s`: the smallest, the median or the mean (`rmse`) eigenvalue.
        preference: The share of each gradient (T,); by default 1/T.

    Returns:
        The weights (T,), which may be negative.
    """
    from torchjd.aggregation import AlignedMTLWeighting

    return AlignedMTLWeighting(preference, scale_mode=scale_mode)(gramian)
