"""The geometric mean of the losses."""

from torch import Tensor

from .positive_log import positive_log


def geometric_objective(losses: Tensor) -> Tensor:
    """The geometric mean `g` of the losses (GLS).

    The weight of a task is `g / (T L)`, so every task contributes the same weighted loss. LibMTL reports
    `L / (T prod L)` as weights, which is not what its gradient applies. The mean of logarithms used here cannot
    overflow, unlike a product.

    A loss of exactly 0 is left out of the mean and has weight 0. It would make the mean and the weights of all other
    tasks 0. If all losses are 0, so is the objective.

    Chennupati et al., "MultiNet++: Multi-Stream Feature Aggregation and Geometric Loss Strategy for Multi-Task
    Learning", CVPR workshops 2019.

    Args:
        losses: Non-negative losses of the tasks, shape (T,).
    """
    positive = losses > 0
    number = positive.sum()
    mean = (positive_log(losses) * positive).sum() / number.clamp(min=1)
    return mean.exp() * (number > 0)
