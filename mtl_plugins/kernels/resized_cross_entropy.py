import torch
from torch import Tensor

from .library import call, kernel_library


def resized_cross_entropy(logits: Tensor, target: Tensor, class_weight: Tensor) -> Tensor:
    """Sum over the pixels of class weight times cross-entropy, of logits resized to the target's size.

    No map at the target's size is made. The resizing is bilinear, align_corners=False.

    Args:
        logits: (N, C, h, w), float32, channels-last, on the CPU.
        target: (N, H, W), int64; what is not one of the C classes counts nothing.
        class_weight: (C,).
    """
    return _ResizedCrossEntropy.apply(logits, target, class_weight)


class _ResizedCrossEntropy(torch.autograd.Function):
    """The gradient is found together with the loss, as both need the same exponentials."""

    @staticmethod
    def forward(ctx, logits, target, class_weight):
        logits = logits.contiguous(memory_format=torch.channels_last)
        n, classes, h, w = logits.shape
        grad = spill = None
        bands = kernel_library().resized_cross_entropy_bands(h)
        if ctx.needs_input_grad[0]:
            grad = torch.empty_like(logits, memory_format=torch.channels_last)
            spill = logits.new_empty(n, bands, w, classes)
        loss = torch.empty(n, bands, dtype=torch.float64)
        weight, sizes = class_weight.float().contiguous(), target.shape[-2:]
        call("resized_cross_entropy", logits, target.contiguous(), weight, loss, grad, spill, n, h, w, classes, *sizes)
        if grad is not None:
            ctx.save_for_backward(grad)
        return loss.sum().to(logits.dtype)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, grad):
        return grad * ctx.saved_tensors[0], None, None
