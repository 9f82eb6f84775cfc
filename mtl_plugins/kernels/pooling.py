"""5x5 max-pooling of stride 1 and chained residual pooling.

The forward pass is bit-equal to PyTorch's; in the backward pass the order of summation differs. Unlike PyTorch's
pooling, a NaN does not spread over its window, and `max_pool` may drop it. `depthwise_crp` keeps it, because it adds
its input to the result.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from .custom_ops import DTYPE_SUFFIX, empty_channels_last, register_backward, sizes, to_channels_last
from .fits import LANE, fits
from .library import call

WINDOW = 5


def max_pool(x: Tensor) -> Tensor:
    """5x5 max-pooling with stride 1 and padding 2 of a map (N, C, H, W)."""
    if fits(x, LANE):
        return _pool(x)
    return F.max_pool2d(x, WINDOW, stride=1, padding=WINDOW // 2)


def depthwise_crp(x: Tensor, weight: Tensor) -> Tensor:
    """ReLU6, then chained residual pooling with depthwise 1x1 convolutions.

    Args:
        x: Feature map (N, C, H, W) for which `fits(x, LANE)` holds.
        weight: Weights of the convolutions (stages, C).

    Returns:
        A map of the shape of `x`.
    """
    return _crp(x, weight.float())


@torch.library.custom_op("mtl_plugins::max_pool_5x5", mutates_args=(), device_types="cpu")
def _pool(x: Tensor) -> Tensor:
    x, y = to_channels_last(x), empty_channels_last(x)
    call(f"pool_{DTYPE_SUFFIX[x.dtype]}", x, y, *sizes(x))
    return y


@torch.library.custom_op("mtl_plugins::max_pool_5x5_backward", mutates_args=(), device_types="cpu")
def _pool_backward(x: Tensor, grad: Tensor) -> Tensor:
    x, grad, grad_x = to_channels_last(x), to_channels_last(grad), empty_channels_last(x)
    call(f"pool_backward_{DTYPE_SUFFIX[x.dtype]}", x, grad, grad_x, *sizes(x))
    return grad_x


@torch.library.custom_op("mtl_plugins::depthwise_crp", mutates_args=(), device_types="cpu")
def _crp(x: Tensor, weight: Tensor) -> Tensor:
    x, y, weight = to_channels_last(x), empty_channels_last(x), weight.contiguous()
    call(f"crp_{DTYPE_SUFFIX[x.dtype]}", x, weight, y, *sizes(x), len(weight))
    return y


@torch.library.custom_op("mtl_plugins::depthwise_crp_backward", mutates_args=(), device_types="cpu")
def _crp_backward(x: Tensor, weight: Tensor, grad: Tensor) -> tuple[Tensor, Tensor]:
    x, grad, grad_x, weight = to_channels_last(x), to_channels_last(grad), empty_channels_last(x), weight.contiguous()
    grads = weight.new_empty(len(x), *weight.shape)
    call(f"crp_backward_{DTYPE_SUFFIX[x.dtype]}", x, weight, grad, grad_x, grads, *sizes(x), len(weight))
    return grad_x, grads.sum(dim=0)


_pool_backward.register_fake(lambda x, grad: empty_channels_last(x))
_crp_backward.register_fake(lambda x, weight, grad: (empty_channels_last(x), torch.empty_like(weight)))
register_backward(_pool, _pool_backward)
register_backward(_crp, _crp_backward)
