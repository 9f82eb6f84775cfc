import torch
from torch import Tensor

from .library import call
from .operator import refuse_second_order

_BAND = 8  # kBand of cross_entropy.cpp


def resized_cross_entropy(logits: Tensor, target: Tensor, class_weight: Tensor) -> Tensor:
    """Sum over the pixels of class weight times cross-entropy, of logits resized to the target's size.

    No map at the target's size is made. The resizing is bilinear, align_corners=False.

    Args:
        logits: (N, C, h, w), float32, channels-last, on the CPU.
        target: (N, H, W), int64; what is not one of the C classes counts nothing.
        class_weight: (C,).
    """
    return _ResizedCrossEntropy.apply(logits, target, class_weight)[0]


class _ResizedCrossEntropy(torch.autograd.Function):
    """The gradient is found together with the loss, as both need the same exponentials."""

    @staticmethod
    def forward(logits, target, class_weight):
        logits = logits.contiguous(memory_format=torch.channels_last)
        n, classes, h, w = logits.shape
        bands = (h + _BAND - 1) // _BAND
        grad, spill = torch.empty_like(logits), logits.new_empty(n, bands, w, classes)
        loss = torch.empty(n, bands, dtype=torch.float64)
        weight, sizes = class_weight.float().contiguous(), target.shape[-2:]
        call("resized_cross_entropy", logits, target.contiguous(), weight, loss, grad, spill, n, h, w, classes, *sizes)
        return loss.sum().to(logits.dtype), grad

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.mark_non_differentiable(output[1])
        ctx.save_for_backward(output[1])

    @staticmethod
    def backward(ctx, grad, _):
        refuse_second_order()
        return grad * ctx.saved_tensors[0], None, None
