from itertools import product
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .custom_ops import refuse_double_backward
from .fits import fits

_SIDE = 3
_MIN_RATIO = 4  # of input to output channels: with fewer the custom backward pass is not faster


class NarrowConv2d(nn.Conv2d):
    """A 3x3 convolution to few channels with stride 1 and padding 1; parameters and output are those of `nn.Conv2d`.

    On the CPU the backward pass treats it as a 1x1 convolution to nine times as many channels, one per tap. Unfolding
    the narrow gradient of the output is cheaper than PyTorch's nine passes over the wide input. Elsewhere it is
    `nn.Conv2d`.
    """

    def __init__(self, in_channels: int, out_channels: int):
        super().__init__(in_channels, out_channels, _SIDE, padding=_SIDE // 2)

    def forward(self, x: Tensor) -> Tensor:
        narrow = self.in_channels >= _MIN_RATIO * self.out_channels and self.is_as_built()
        plain = torch.compiler.is_compiling() or not torch.is_grad_enabled()
        if not narrow or plain or not fits(x):
            return super().forward(x)
        assert self.bias is not None  # is_as_built
        tensors = [x, self.weight, self.bias]
        if torch.is_autocast_enabled("cpu"):
            tensors = [tensor.to(torch.get_autocast_dtype("cpu")) for tensor in tensors]
        return _NarrowConv.apply(*tensors)

    def is_as_built(self) -> bool:
        """Whether the layer is unchanged. False after model surgery (changed shape, stride, padding or groups)."""
        return (
            self.bias is not None
            and self.weight.shape == (self.out_channels, self.in_channels, _SIDE, _SIDE)
            and (self.stride, self.padding, self.dilation, self.groups) == ((1, 1), (1, 1), (1, 1), 1)
            and self.padding_mode == "zeros"
        )


class _NarrowConv(torch.autograd.Function):
    @staticmethod
    def forward(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        return F.conv2d(x, weight, bias, padding=_SIDE // 2)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        ctx.save_for_backward(*inputs[:2])

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        refuse_double_backward()
        x, weight = ctx.saved_tensors
        taps = weight.permute(2, 3, 0, 1).reshape(-1, weight.shape[1], 1, 1)  # (9 * out, in, 1, 1)
        stride, padding, dilation, transposed, output_padding, groups = (1, 1), (0, 0), (1, 1), False, (0, 0), 1
        grad_x, grad_taps, _ = torch.ops.aten.convolution_backward(
            _unfolded(grad), x, taps, None, stride, padding, dilation, transposed, output_padding, groups,
            (*ctx.needs_input_grad[:2], False),
        )  # fmt: skip
        if grad_taps is not None:
            grad_taps = grad_taps.reshape(_SIDE, _SIDE, *weight.shape[:2]).permute(2, 3, 0, 1)
        return grad_x, grad_taps, grad.sum((0, 2, 3))


def _unfolded(grad):
    """The gradient (N, out, H, W) as (N, 9 * out, H, W): per pixel, the gradients of the nine outputs it affects."""
    h, w = grad.shape[-2:]
    padded = F.pad(grad.permute(0, 2, 3, 1), (0, 0, 1, 1, 1, 1))  # in NHWC: the result is channels-last
    offsets = reversed(range(_SIDE))
    taps = [padded.narrow(1, i, h).narrow(2, j, w) for i, j in product(offsets, repeat=2)]
    return torch.cat(taps, dim=-1).permute(0, 3, 1, 2)
