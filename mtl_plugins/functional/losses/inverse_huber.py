"""Inverse Huber (berHu) loss."""

import torch
from torch import Tensor

from .masking import masked_mean, masked_target, zero_loss


def inverse_huber(prediction: Tensor, target: Tensor, threshold: float = 0.2) -> Tensor:
    """Inverse Huber (berHu) loss: |e| up to c and (e² + c²) / 2c beyond, where e is the error.

    From Laina et al., "Deeper depth prediction with fully convolutional residual networks", 3DV 2016, equations 1 and
    2. c is `threshold` times the largest absolute error of the batch's valid pixels; no gradient flows through it.

    Args:
        prediction: (N, C, H, W).
        target: (N, C, H, W), or (N, H, W) if C is 1. Pixels that are 0 in all channels or not finite are invalid.
        threshold: The share of the largest error beyond which the loss is quadratic.
    """
    target, valid = masked_target(prediction, target)
    if prediction.numel() == 0:
        return zero_loss(prediction)
    error = (prediction - target).abs().masked_fill(~valid, 0)
    c = threshold * error.detach().amax()
    c = c.clamp(min=torch.finfo(error.dtype).eps)  # a perfect prediction has c = 0
    return masked_mean(torch.where(error <= c, error, (error.square() + c.square()) / (2 * c)), valid)
