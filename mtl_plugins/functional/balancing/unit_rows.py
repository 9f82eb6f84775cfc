"""Normalising the rows of a Jacobian."""

import torch
from torch import Tensor


def unit_rows(jacobian: Tensor) -> tuple[Tensor, Tensor]:
    """The rows of a Jacobian divided by their norms, and the norms (T, 1); a zero row stays zero.

    Each row is first divided by its largest entry, so that its squares neither overflow nor underflow.
    """
    largest = jacobian.abs().amax(dim=1, keepdim=True)
    scaled = jacobian / torch.where(largest > 0, largest, 1.0)
    norms = scaled.norm(dim=1, keepdim=True)
    return scaled / torch.where(norms > 0, norms, 1.0), largest * norms
