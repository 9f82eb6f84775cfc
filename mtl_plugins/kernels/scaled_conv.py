import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .custom_ops import DTYPE_SUFFIX, sizes, to_channels_last
from .fits import LANE, fits, is_plain
from .library import call, vector_size
from .narrow_conv import NarrowConv2d
from .scaled_relu6 import is_scale, scaled_relu6

_FEW = 3  # output channels up to which the direct convolution beats Winograd's (docs/performance.md)
_POINTS = 36  # kPoints in winograd_conv.cpp


def scaled_conv(x: Tensor, scale: nn.Conv2d, conv: nn.Conv2d) -> Tensor:
    """`conv(relu6(scale(x)))`: a depthwise 1x1 convolution, ReLU6, and a 3x3 convolution to few channels.

    Inference on the CPU uses custom kernels: a direct convolution for up to three output channels, as exact as
    PyTorch's, and Winograd's algorithm for more (float32 only), which differs by about 1e-5 of the output's range.

    Args:
        x: Feature map (N, C, H, W).
        scale: Depthwise 1x1 convolution of C channels without bias.
        conv: A `NarrowConv2d`. Any other module works too, with PyTorch's operators.

    Returns:
        The output of `conv`.
    """
    plain = (
        isinstance(conv, NarrowConv2d) and is_plain(conv, NarrowConv2d) and conv.is_as_built() and is_scale(scale, x)
    )
    if not plain or conv.in_channels != x.shape[1] or not fits(x, LANE):
        return conv(scaled_relu6(x, scale))
    assert conv.bias is not None  # is_as_built
    tensors = (x, scale.weight, conv.weight, conv.bias)
    needs_grad = torch.is_grad_enabled() and any(tensor.requires_grad for tensor in tensors)
    mixed = torch.is_autocast_enabled("cpu") or len({tensor.dtype for tensor in tensors}) > 1
    if needs_grad or mixed or (x.dtype != torch.float32 and conv.out_channels > _FEW):
        return conv(scaled_relu6(x, scale))
    operator = _taps_conv if conv.out_channels <= _FEW else _winograd_conv
    return operator(x, scale.weight.flatten(), conv.weight, conv.bias)


@torch.library.custom_op("mtl_plugins::taps_conv", mutates_args=(), device_types="cpu")
def _taps_conv(x: Tensor, scale: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    taps = _padded(weight.float().permute(1, 2, 3, 0).flatten(start_dim=1))  # (channels, 9 * outs)
    x, y = to_channels_last(x), _empty_output(x, scale, weight, bias).float()
    name = f"taps_conv_{DTYPE_SUFFIX[x.dtype]}"
    call(name, x, scale.float(), taps, bias.float(), y, *sizes(x), len(weight), taps.shape[1])
    return y.to(x.dtype)


@torch.library.custom_op("mtl_plugins::winograd_conv", mutates_args=(), device_types="cpu")
def _winograd_conv(x: Tensor, scale: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    outs, channels = weight.shape[:2]
    filters, bias = _padded(weight.permute(2, 3, 1, 0)), _padded(bias)
    padded = len(bias)
    x, y = to_channels_last(x), _empty_output(x, scale, weight, bias[:outs])
    space = filters.new_empty(_POINTS, channels, padded)
    call("winograd_conv", x, scale.contiguous(), filters, bias, y, space, *sizes(x), outs, padded)
    return y


def _padded(matrix):
    """`matrix` with its last dimension zero-padded to a multiple of the processor's vector size."""
    return F.pad(matrix, (0, -matrix.shape[-1] % vector_size())).contiguous()


@_taps_conv.register_fake
@_winograd_conv.register_fake
def _empty_output(x, scale, weight, bias):
    n, _, height, width = x.shape
    return x.new_empty(n, height, width, len(weight)).permute(0, 3, 1, 2)
