"""Random loss weights."""

import torch
from torch import Tensor


def random_weights(number: int, generator: torch.Generator) -> Tensor:
    """The softmax of `number` draws from a standard normal distribution (RLW).

    The weights are positive float64 and sum to 1, not to the number of tasks: the step is on average that of the mean
    of the losses.

    Lin et al., "Reasonable Effectiveness of Random Weighting: A Litmus Test for Multi-Task Learning", TMLR 2022.

    Args:
        number: How many weights.
        generator: A generator of the CPU. The result depends only on its state.
    """
    return torch.randn(number, generator=generator, dtype=torch.float64).softmax(dim=0)
