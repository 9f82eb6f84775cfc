import torch
from torch import Tensor

from .gramian import norms


def unit_gramian(gramian: Tensor) -> tuple[Tensor, Tensor]:
    """The cosines between the rows of a Jacobian, and the inverse of each row's norm.

    Solvers that work on cosines do not depend on the scale of the gradients.

    Args:
        gramian: The Gramian `J J^T`, (T, T), in float64.

    Returns:
        The cosines (T, T) and the inverse norms (T,). Both are 0 for a zero row.
    """
    lengths = norms(gramian)
    inverse = torch.where(lengths > 0, 1 / lengths, 0.0)
    return inverse[:, None] * gramian * inverse, inverse
