"""5x5 max-pooling of stride 1 and chained residual pooling.

The kernels give PyTorch's answer to the last bit forward; backward the order of sums differs. A NaN does not spread
over its window as PyTorch's pooling has it, and pooling alone may pass over it; residual pooling, which adds what it
was given, keeps it.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from .fits import LANE, fits
from .library import call
from .operator import differentiable, like, names, ordered, sizes

WINDOW = 5


def max_pool(x: Tensor) -> Tensor:
    """5x5 max-pooling of stride 1, (N, C, H, W) in and out."""
    if fits(x, LANE):
        return _pool(x)
    return F.max_pool2d(x, WINDOW, stride=1, padding=WINDOW // 2)


def depthwise_crp(x: Tensor, weight: Tensor) -> Tensor:
    """ReLU6, then chained residual pooling whose 1x1 convolutions are depthwise, of a map that ``fits(x, LANE)``.

    Args:
        x: (N, C, H, W).
        weight: (stages, C).
    """
    return _crp(x, weight.float())


@torch.library.custom_op("mtl_plugins::max_pool_5x5", mutates_args=(), device_types="cpu")
def _pool(x: Tensor) -> Tensor:
    x, y = ordered(x), like(x)
    call(f"pool_{names[x.dtype]}", x, y, *sizes(x))
    return y


@torch.library.custom_op("mtl_plugins::max_pool_5x5_backward", mutates_args=(), device_types="cpu")
def _pool_backward(x: Tensor, grad: Tensor) -> Tensor:
    x, grad, grad_x = ordered(x), ordered(grad), like(x)
    call(f"pool_backward_{names[x.dtype]}", x, grad, grad_x, *sizes(x))
    return grad_x


@torch.library.custom_op("mtl_plugins::depthwise_crp", mutates_args=(), device_types="cpu")
def _crp(x: Tensor, weight: Tensor) -> Tensor:
    x, y, weight = ordered(x), like(x), weight.contiguous()
    call(f"crp_{names[x.dtype]}", x, weight, y, *sizes(x), len(weight))
    return y


@torch.library.custom_op("mtl_plugins::depthwise_crp_backward", mutates_args=(), device_types="cpu")
def _crp_backward(x: Tensor, weight: Tensor, grad: Tensor) -> tuple[Tensor, Tensor]:
    x, grad, grad_x, weight = ordered(x), ordered(grad), like(x), weight.contiguous()
    grads = weight.new_empty(len(x), *weight.shape)
    call(f"crp_backward_{names[x.dtype]}", x, weight, grad, grad_x, grads, *sizes(x), len(weight))
    return grad_x, grads.sum(dim=0)


_pool_backward.register_fake(lambda x, grad: like(x))
_crp_backward.register_fake(lambda x, weight, grad: (like(x), torch.empty_like(weight)))
differentiable(_pool, _pool_backward)
differentiable(_crp, _crp_backward)
