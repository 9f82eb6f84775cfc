"""Dynamic weight average: weights from how fast the losses fall."""

import torch
from torch import Tensor


def dwa_weights(mean_now: Tensor, mean_before: Tensor, temperature: float = 2.0) -> Tensor:
    """Weights `T softmax(r / temperature)` with the rates `r = mean_now / mean_before`.

    A task whose loss falls slowly gets a higher weight. The weights sum to T. A task whose earlier mean is 0 has the
    rate 1, which is that of a loss that does not change.

    Liu et al., "End-to-End Multi-Task Learning with Attention", CVPR 2019, eq. 7.

    Args:
        mean_now: The mean loss of each task over the last complete epoch, shape (T,).
        mean_before: The mean losses over the epoch before that, shape (T,).
        temperature: A higher temperature brings the weights closer to 1.
    """
    known = mean_before != 0
    rates = torch.where(known, mean_now / torch.where(known, mean_before, 1.0), 1.0)
    return len(rates) * (rates / temperature).softmax(dim=0)
