from typing import NamedTuple

from torch import Tensor


class BalanceReport(NamedTuple):
    """What a balancer did in a training step.

    Attributes:
        tasks: The tasks with a label in the batch.
        weights: Factor of each task's gradient (T,).
        gramian: Inner products of the tasks' gradients (T, T), before weighting; `None` if they were not measured.
    """

    tasks: tuple[str, ...]
    weights: Tensor
    gramian: Tensor | None = None
