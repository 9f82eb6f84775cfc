"""Weights of the present tasks as a part of the weights of all tasks."""

from torch import Tensor

SMALLEST_WEIGHT = 1e-30  # a weight of 0 could never grow again by a factor


def share_weights(weights: Tensor, before: Tensor) -> Tensor:
    """`weights` scaled to the sum of `before`, for the state.

    If tasks are absent, the present tasks keep their sum, and the absent ones keep their weights. So the weights of all
    tasks keep their sum, too.
    """
    return (weights / weights.sum() * before.sum()).clamp(min=SMALLEST_WEIGHT)
