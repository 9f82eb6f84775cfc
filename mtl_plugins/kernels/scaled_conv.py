import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .fits import LANE, fits, is_plain
from .library import call, kernel_library
from .narrow_conv import NarrowConv2d
from .operator import names, ordered, sizes
from .scaled_relu6 import is_scale, scaled_relu6

_FEW = 3  # output channels, up to which all taps of a pixel at once beat Winograd's way (docs/performance.md)
_POINTS = 36  # of Winograd's transform, kPoints of winograd_conv.cpp


def scaled_conv(x: Tensor, scale: nn.Conv2d, conv: nn.Conv2d) -> Tensor:
    """``conv(relu6(scale(x)))``: a depthwise 1x1 convolution, ReLU6, and a 3x3 convolution to few channels.

    Predicting on the CPU it is one pass to a very few channels, as exact as PyTorch's; to more, in float32, it goes
    Winograd's way, the same to some 1e-5 of the range.

    Args:
        x: (N, C, H, W).
        scale: Of C channels, without bias.
        conv: ``NarrowConv2d``; another module is called as it is.
    """
    plain = is_plain(conv, NarrowConv2d) and conv.is_as_built() and is_scale(scale, x)
    if not plain or conv.in_channels != x.shape[1] or not fits(x, LANE):
        return conv(scaled_relu6(x, scale))
    taking_part = (x, scale.weight, conv.weight, conv.bias)
    learns = torch.is_grad_enabled() and any(tensor.requires_grad for tensor in taking_part)
    mixed = torch.is_autocast_enabled("cpu") or len({tensor.dtype for tensor in taking_part}) > 1
    if learns or mixed or (x.dtype != torch.float32 and conv.out_channels > _FEW):
        return conv(scaled_relu6(x, scale))
    operator = _taps_conv if conv.out_channels <= _FEW else _winograd_conv
    return operator(x, scale.weight.flatten(), conv.weight, conv.bias)


@torch.library.custom_op("mtl_plugins::taps_conv", mutates_args=(), device_types="cpu")
def _taps_conv(x: Tensor, scale: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    taps = _padded(weight.float().permute(1, 2, 3, 0).flatten(start_dim=1))  # (channels, 9 * outs)
    x, y = ordered(x), _answer(x, scale, weight, bias).float()
    call(f"taps_conv_{names[x.dtype]}", x, scale.float(), taps, bias.float(), y, *sizes(x), len(weight), taps.shape[1])
    return y.to(x.dtype)


@torch.library.custom_op("mtl_plugins::winograd_conv", mutates_args=(), device_types="cpu")
def _winograd_conv(x: Tensor, scale: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    outs, channels = weight.shape[:2]
    filters, bias = _padded(weight.permute(2, 3, 1, 0)), _padded(bias)
    padded = len(bias)
    x, y, space = ordered(x), _answer(x, scale, weight, bias[:outs]), filters.new_empty(_POINTS, channels, padded)
    call("winograd_conv", x, scale.contiguous(), filters, bias, y, space, *sizes(x), outs, padded)
    return y


def _padded(matrix):
    """With zeros up to a whole number of vectors in its last dimension."""
    return F.pad(matrix, (0, -matrix.shape[-1] % kernel_library().vector_size())).contiguous()


@_taps_conv.register_fake
@_winograd_conv.register_fake
def _answer(x, scale, weight, bias):
    n, _, height, width = x.shape
    return x.new_empty(n, height, width, len(weight)).permute(0, 3, 1, 2)
