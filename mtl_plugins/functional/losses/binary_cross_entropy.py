"""Binary cross-entropy of logits, for saliency, edges and other yes-or-no maps."""

import torch
import torch.nn.functional as F
from torch import Tensor

from .masking import masked_mean, target_like


def binary_cross_entropy(
    prediction: Tensor,
    target: Tensor,
    ignore_index: int = 255,
    pos_weight: float | list[float] | Tensor | None = None,
) -> Tensor:
    """Mean binary cross-entropy over the pixels and channels that are not void.

    Args:
        prediction: Logits, (N, C, H, W).
        target: Values from 0 to 1, integer or float, (N, C, H, W), or (N, H, W) if C is 1. `ignore_index` and values
            that are not finite are void.
        ignore_index: The value of void pixels.
        pos_weight: Factor on the loss of the positives, to balance rare ones.

    Raises:
        ValueError: The shapes do not match or, on the CPU only, the target holds another value.
    """
    target, valid = binary_target(prediction, target, ignore_index)
    if pos_weight is not None:
        pos_weight = torch.as_tensor(pos_weight, dtype=prediction.dtype, device=prediction.device)
    loss = F.binary_cross_entropy_with_logits(prediction, target, reduction="none", pos_weight=pos_weight)
    return masked_mean(loss, valid)


def binary_target(prediction: Tensor, target: Tensor, ignore_index: int = 255) -> tuple[Tensor, Tensor]:
    """The target in the prediction's shape and type with 0 at void pixels, and the mask of the valid pixels.

    Args:
        prediction: Logits, (N, C, H, W).
        target: As for `binary_cross_entropy`.
        ignore_index: The value of void pixels.

    Raises:
        ValueError: As `binary_cross_entropy`.
    """
    target = target_like(prediction, target).to(prediction.dtype)
    valid = target.isfinite() & (target != ignore_index)
    target = target.masked_fill(~valid, 0)
    if target.device.type == "cpu" and target.numel() and not torch.compiler.is_compiling():
        low, high = float(target.min()), float(target.max())
        if low < 0 or high > 1:
            raise ValueError(
                f"a binary target holds values from {low:g} to {high:g}, allowed are 0 to 1, "
                f"and {ignore_index} for void. Scale the labels"
            )
    return target, valid
