"""Cosine distance between vectors."""

from torch import Tensor

from ..unit_vectors import unit_vectors
from .masking import masked_mean, masked_target


def cosine_distance(prediction: Tensor, target: Tensor, eps: float = 1e-6) -> Tensor:
    """Mean over the valid pixels of 1 − cos of the angle between prediction and target, from 0 to 2.

    Args:
        prediction: Vectors of any length, (N, 3, H, W).
        target: Normals, (N, 3, H, W). (0, 0, 0) and vectors that are not finite are invalid.
        eps: Vectors shorter than this are divided by it instead of by their length.
    """
    target, valid = masked_target(prediction, target)
    prediction, target = unit_vectors(prediction, eps=eps), unit_vectors(target, eps=eps)
    return masked_mean(1 - (prediction * target).sum(dim=1, keepdim=True), valid)
