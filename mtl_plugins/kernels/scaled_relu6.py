import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .fits import LANE, fits, is_plain
from .library import call
from .operator import differentiable, like, names, ordered

_PARTS = 64  # of the pixels, whose sums are added up: fixed, so that the answer does not depend on threads


def scaled_relu6(x: Tensor, scale: nn.Conv2d) -> Tensor:
    """``relu6(scale(x))``, (N, C, H, W) in and out; one pass where ``scale`` is depthwise, 1x1, and without bias."""
    if is_scale(scale, x) and fits(x, LANE):
        return _forward(x, scale.weight.flatten().float())
    return F.relu6(scale(x))


def is_scale(conv: nn.Conv2d, x: Tensor) -> bool:
    """Whether the convolution multiplies each channel of x by a number, and nothing else."""
    return (
        is_plain(conv)
        and conv.weight.shape == (x.shape[1], 1, 1, 1)
        and conv.stride == (1, 1)
        and conv.padding == (0, 0)
        and conv.bias is None
    )


@torch.library.custom_op("mtl_plugins::scaled_relu6", mutates_args=(), device_types="cpu")
def _forward(x: Tensor, weight: Tensor) -> Tensor:
    x, y, weight = ordered(x), like(x), weight.contiguous()
    call(f"scaled_relu6_{names[x.dtype]}", x, weight, y, x.numel() // len(weight), len(weight))
    return y


@torch.library.custom_op("mtl_plugins::scaled_relu6_backward", mutates_args=(), device_types="cpu")
def _backward(x: Tensor, weight: Tensor, grad: Tensor) -> tuple[Tensor, Tensor]:
    x, grad, grad_x, weight = ordered(x), ordered(grad), like(x), weight.contiguous()
    grads, pixels = weight.new_empty(_PARTS, len(weight)), x.numel() // len(weight)
    call(f"scaled_relu6_backward_{names[x.dtype]}", x, weight, grad, grad_x, grads, pixels, len(weight), _PARTS)
    return grad_x, grads.sum(dim=0)


_backward.register_fake(lambda x, weight, grad: (like(x), torch.empty_like(weight)))
differentiable(_forward, _backward)
