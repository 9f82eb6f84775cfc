from itertools import product

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .fits import fits
from .operator import refuse_second_order

_SIDE = 3
_WIDE = 4  # input channels must be so many times the output channels


class NarrowConv2d(nn.Conv2d):
    """A 3x3 convolution to few channels, stride 1, padded to the same size; ``nn.Conv2d``'s parameters and answer.

    On the CPU its gradients are those of a 1x1 convolution to nine times as many channels, one for each tap: the
    output's gradient is the narrower side to unfold, where PyTorch's library for convolutions goes over the wide one
    nine times. Everywhere else it is ``nn.Conv2d``.
    """

    def __init__(self, in_channels: int, out_channels: int):
        super().__init__(in_channels, out_channels, _SIDE, padding=_SIDE // 2)

    def forward(self, x: Tensor) -> Tensor:
        narrow = self.in_channels >= _WIDE * self.out_channels and self.is_as_built()
        plain = torch.compiler.is_compiling() or not torch.is_grad_enabled()
        if not narrow or plain or not fits(x):
            return super().forward(x)
        taking_part = (x, self.weight, self.bias)
        if torch.is_autocast_enabled("cpu"):
            taking_part = (tensor.to(torch.get_autocast_dtype("cpu")) for tensor in taking_part)
        return _NarrowConv.apply(*taking_part)

    def is_as_built(self) -> bool:
        """Whether nobody changed what its weights mean, as surgery on a trained network may."""
        return (
            self.bias is not None
            and self.weight.shape == (self.out_channels, self.in_channels, _SIDE, _SIDE)
            and (self.stride, self.padding, self.dilation, self.groups) == ((1, 1), (1, 1), (1, 1), 1)
            and self.padding_mode == "zeros"
        )


class _NarrowConv(torch.autograd.Function):
    @staticmethod
    def forward(x, weight, bias):
        return F.conv2d(x, weight, bias, padding=_SIDE // 2)

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs[:2])

    @staticmethod
    def backward(ctx, grad):
        refuse_second_order()
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
    """(N, out, H, W) as (N, 9 * out, H, W): at each place what a tap of the window sent from it went to."""
    h, w = grad.shape[-2:]
    padded = F.pad(grad.permute(0, 2, 3, 1), (0, 0, 1, 1, 1, 1))  # so that the answer is channels-last
    places = reversed(range(_SIDE))
    taps = [padded.narrow(1, i, h).narrow(2, j, w) for i, j in product(places, repeat=2)]
    return torch.cat(taps, dim=-1).permute(0, 3, 1, 2)
