from typing import Any

import torch
from torch import Tensor

from .custom_ops import refuse_double_backward
from .library import call

_BAND = 8  # kBand of cross_entropy.cpp


def resized_cross_entropy(logits: Tensor, target: Tensor, class_weight: Tensor) -> Tensor:
    """Weighted cross-entropy of logits that are resized to the target's size, summed over the pixels.

    The resizing is bilinear with `align_corners=False`. The resized logits are never stored.

    Args:
        logits: Logits (N, C, h, w), float32, channels-last, on the CPU.
        target: Class ids (N, H, W), int64. Pixels with any other id than 0 ... C - 1 are ignored.
        class_weight: One weight per class (C,).

    Returns:
        The sum, a scalar.
    """
    return _ResizedCrossEntropy.apply(logits, target, class_weight)[0]


class _ResizedCrossEntropy(torch.autograd.Function):
    """The forward pass computes the gradient too, because both need the same exponentials."""

    @staticmethod
    def forward(logits: Tensor, target: Tensor, class_weight: Tensor) -> tuple[Tensor, Tensor]:
        logits = logits.contiguous(memory_format=torch.channels_last)
        n, classes, h, w = logits.shape
        bands = (h + _BAND - 1) // _BAND
        grad, spill = torch.empty_like(logits), logits.new_empty(n, bands, w, classes)
        loss = torch.empty(n, bands, dtype=torch.float64)
        weight, sizes = class_weight.float().contiguous(), target.shape[-2:]
        call("resized_cross_entropy", logits, target.contiguous(), weight, loss, grad, spill, n, h, w, classes, *sizes)
        return loss.sum().to(logits.dtype), grad

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, ...], output: tuple[Tensor, Tensor]) -> None:
        ctx.mark_non_differentiable(output[1])
        ctx.save_for_backward(output[1])

    @staticmethod
    def backward(ctx: Any, grad: Tensor, _: Tensor) -> tuple[Tensor, None, None]:
        refuse_double_backward()
        return grad * ctx.saved_tensors[0], None, None
