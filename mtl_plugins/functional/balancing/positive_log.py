"""The logarithm of losses that may be zero."""

import torch
from torch import Tensor

SMALLEST_LOSS = torch.finfo(torch.float32).tiny


def positive_log(losses: Tensor) -> Tensor:
    """The logarithm of `losses`, finite and with gradient 0 where a loss is not positive.

    Positive losses down to the smallest normal float32 are exact, because a task may measure in any unit. A loss of 0
    has nothing left to learn, so its gradient is 0 instead of infinite. Negative losses count as 0.
    """
    return losses.clamp(min=SMALLEST_LOSS).log()
