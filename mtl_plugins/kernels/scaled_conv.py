import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .fits import LANE, fits, is_plain
from .library import call, kernel_library
from .narrow_conv import NarrowConv2d
from .operator import ordered, sizes
from .scaled_relu6 import is_scale, scaled_relu6

_POINTS = 36  # of Winograd's transform, kPoints of scaled_conv.cpp


def scaled_conv(x: Tensor, scale: nn.Conv2d, conv: nn.Conv2d) -> Tensor:
    """``conv(relu6(scale(x)))``: a depthwise 1x1 convolution, ReLU6, and a 3x3 convolution to few channels.

    Where float32 is predicted on the CPU it goes Winograd's way, the same to some 1e-5 of the range; everywhere
    else it is exact.

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
    if learns or torch.is_autocast_enabled("cpu") or any(tensor.dtype != torch.float32 for tensor in taking_part):
        return conv(scaled_relu6(x, scale))
    return _scaled_conv(x, scale.weight.flatten(), conv.weight, conv.bias)


@torch.library.custom_op("mtl_plugins::scaled_conv", mutates_args=(), device_types="cpu")
def _scaled_conv(x: Tensor, scale: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    outs, channels = weight.shape[:2]
    padding = -outs % kernel_library().vector_size()
    filters, bias = F.pad(weight.permute(2, 3, 1, 0), (0, padding)).contiguous(), F.pad(bias, (0, padding))
    x, y, space = ordered(x), _answer(x, scale, weight, bias), filters.new_empty(_POINTS, channels, outs + padding)
    call("scaled_conv", x, scale.contiguous(), filters, bias, y, space, *sizes(x), outs, outs + padding)
    return y


@_scaled_conv.register_fake
def _answer(x, scale, weight, bias):
    n, _, height, width = x.shape
    return x.new_empty(n, height, width, len(weight)).permute(0, 3, 1, 2)
