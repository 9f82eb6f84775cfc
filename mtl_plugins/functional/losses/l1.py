"""Mean absolute error."""

from torch import Tensor

from .masking import masked_mean, masked_target


def l1(prediction: Tensor, target: Tensor, zero_is_void: bool = True) -> Tensor:
    """Mean absolute error over the valid pixels and their channels, in the target's unit.

    Args:
        prediction: (N, C, H, W).
        target: (N, C, H, W), or (N, H, W) if C is 1. Values that are not finite are invalid.
        zero_is_void: Whether pixels with 0 in all channels are invalid too.

    Examples:
        >>> import torch
        >>> prediction, depth = torch.tensor([1.0, 4.0]), torch.tensor([0.0, 3.0])  # metres; 0: no reading
        >>> l1(prediction.view(1, 1, 1, 2), depth.view(1, 1, 1, 2)).item()
        1.0
    """
    target, valid = masked_target(prediction, target, zero_is_void)
    return masked_mean((prediction - target).abs(), valid)
