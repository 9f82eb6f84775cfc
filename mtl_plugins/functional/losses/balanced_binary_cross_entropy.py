"""Binary cross-entropy with weights for rare positives, for edges."""

from typing import Literal

import torch.nn.functional as F
from torch import Tensor

from .binary_cross_entropy import binary_target

#: What the sum of the pixels' losses is divided by
PixelCount = Literal["valid", "all"]
PIXEL_COUNTS: tuple[PixelCount, ...] = ("valid", "all")


def balanced_binary_cross_entropy(
    prediction: Tensor,
    target: Tensor,
    positive_weight: float | None = 0.95,
    normalisation: PixelCount = "valid",
    ignore_index: int = 255,
) -> Tensor:
    """Binary cross-entropy in which positives have the weight w and negatives 1 − w, per pixel.

    Papers on multi-task learning use w = 0.95 (MTI-Net, InvPT, TaskPrompter; ATRC 0.8 on NYUDv2).

    Args:
        prediction: Logits, (N, C, H, W).
        target: As for `binary_cross_entropy`.
        positive_weight: w, between 0 and 1. None uses the share of negatives in the batch, as HED does (Xie and Tu,
            "Holistically-nested edge detection", ICCV 2015, equation 2).
        normalisation: `'valid'` divides the sum by the number of valid pixels, `'all'` by the number of all pixels, as
            the code of the papers does, so that void pixels make the loss smaller.
        ignore_index: The value of void pixels.

    Raises:
        ValueError: As `binary_cross_entropy`.

    Examples:
        >>> import torch
        >>> loss = balanced_binary_cross_entropy(torch.zeros(1, 1, 1, 2), torch.tensor([[[[1, 0]]]]), 0.95)
        >>> round(loss.item(), 4)  # (0.95 + 0.05) · log 2 / 2
        0.3466
    """
    target, valid = binary_target(prediction, target, ignore_index)
    pixels = valid.sum()
    weight: Tensor | float
    if positive_weight is None:
        weight = ((1 - target) * valid).sum() / pixels.clamp(min=1)
    else:
        weight = positive_weight
    positive, negative = F.softplus(-prediction), F.softplus(prediction)
    loss = weight * target * positive + (1 - weight) * (1 - target) * negative
    total = loss.masked_fill(~valid, 0).sum()
    return total / (pixels.clamp(min=1) if normalisation == "valid" else max(target.numel(), 1))
