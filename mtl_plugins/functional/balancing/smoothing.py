import torch
from torch import Tensor


def smoothed_weights(new: Tensor, old: Tensor, alpha: float = 0.9) -> Tensor:
    """The moving average of the weights of any method (CR-MOGM, Zhou et al., NeurIPS 2022).

    Args:
        new: The weights (T,) of this step.
        old: The average (T,) so far; NaN for a task without one, which starts with its new weight.
        alpha: The share of the old average, 0 to 1 (exclusive).

    Returns:
        The new average (T,).
    """
    return torch.where(old.isnan(), new, alpha * old + (1 - alpha) * new)
