import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .fits import fits
from .operator import refuse_second_order

_SIDE = 3
_WIDE = 4  # input channels must be so many times the output channels


class NarrowConv2d(nn.Conv2d):
    """A 3x3 convolution to few channels, stride 1, padded to the same size; ``nn.Conv2d``'s parameters and answer.

    In float32 on the CPU its gradients are two matrix products with the output's gradient, unfolded: it is the narrower
    side, where PyTorch's library for convolutions works on the wide one. Everywhere else it is ``nn.Conv2d``.
    """

    def __init__(self, in_channels: int, out_channels: int):
        super().__init__(in_channels, out_channels, _SIDE, padding=_SIDE // 2)

    def forward(self, x: Tensor) -> Tensor:
        narrow = self.in_channels >= _WIDE * self.out_channels and x.dtype == self.weight.dtype == torch.float32
        plain = torch.compiler.is_compiling() or torch.is_autocast_enabled("cpu") or not torch.is_grad_enabled()
        if not narrow or plain or not self.is_as_built() or not fits(x):
            return super().forward(x)
        return _NarrowConv.apply(x, self.weight, self.bias)

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
        matrix, channels = _as_matrix(weight), x.shape[1]
        grad_x, grad_matrix = torch.empty_like(x, memory_format=torch.channels_last), torch.zeros_like(matrix)
        for image, grad_image, grad_out in zip(x, grad_x, grad, strict=True):  # one at a time stays in the cache
            unfolded = _unfolded(grad_out)
            grad_matrix.addmm_(unfolded.T, image.permute(1, 2, 0).reshape(-1, channels))
            torch.mm(unfolded, matrix, out=grad_image.permute(1, 2, 0).view(-1, channels))
        grad_weight = grad_matrix.view(_SIDE, _SIDE, *weight.shape[:2]).permute(2, 3, 0, 1)
        return grad_x, grad_weight.contiguous(memory_format=torch.channels_last), grad.sum((0, 2, 3))


def _as_matrix(weight):
    """(out, in, 3, 3) as (9 * out, in), taps first."""
    return weight.permute(2, 3, 0, 1).reshape(-1, weight.shape[1])


def _unfolded(grad):
    """(out, H, W) as (H * W, 9 * out): for each place what a tap of the window sent from it went to."""
    h, w = grad.shape[-2:]
    padded = F.pad(grad.permute(1, 2, 0), (0, 0, 1, 1, 1, 1))
    taps = [padded[_SIDE - 1 - i :, _SIDE - 1 - j :][:h, :w] for i in range(_SIDE) for j in range(_SIDE)]
    return torch.cat(taps, dim=-1).view(h * w, -1)
