from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .custom_ops import refuse_double_backward
from .fits import fits


class StridedDepthwiseConv2d(nn.Conv2d):
    """A depthwise convolution with a stride, whose backward pass is faster in bfloat16 on the CPU.

    oneDNN has no fast kernel for the gradient of its input. It equals that of the convolution without stride, with
    zeros between the gradients of the outputs, which is computed two to twenty times as fast. Elsewhere the layer is
    `nn.Conv2d`.
    """

    @classmethod
    def convert(cls, network: nn.Module) -> None:
        """Turn the layers of a network that can profit into this class, in place. Parameters and names are kept."""
        for module in network.modules():
            if type(module) is nn.Conv2d and _can_profit(module):
                module.__class__ = cls

    def forward(self, x: Tensor) -> Tensor:
        plain = torch.compiler.is_compiling() or not torch.is_grad_enabled()
        if plain or not fits(x) or not _can_profit(self):
            return super().forward(x)
        weight = self.weight
        if torch.is_autocast_enabled("cpu"):
            x, weight = (tensor.to(torch.get_autocast_dtype("cpu")) for tensor in (x, weight))
        if x.dtype != torch.bfloat16:
            return super().forward(x)
        return _StridedDepthwiseConv.apply(x, weight, self.stride, self.padding)


def _can_profit(layer: nn.Conv2d) -> bool:
    return (
        layer.groups == layer.in_channels == layer.out_channels > 1
        and max(layer.stride) > 1
        and layer.padding == tuple(side // 2 for side in layer.kernel_size)  # without stride the size stays
        and all(side % 2 for side in layer.kernel_size)
        and layer.dilation == (1, 1)
        and layer.bias is None
        and layer.padding_mode == "zeros"
    )


class _StridedDepthwiseConv(torch.autograd.Function):
    @staticmethod
    def forward(x: Tensor, weight: Tensor, stride: tuple[int, int], padding: tuple[int, int]) -> Tensor:
        return F.conv2d(x, weight, None, stride, padding, groups=x.shape[1])

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        x, weight, ctx.stride, ctx.padding = inputs
        ctx.save_for_backward(x, weight)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, Tensor | None, None, None]:
        refuse_double_backward()
        x, weight = ctx.saved_tensors
        grad_x = grad_weight = None
        if ctx.needs_input_grad[0]:
            spread = torch.zeros_like(x)
            spread[:, :, :: ctx.stride[0], :: ctx.stride[1]] = grad
            grad_x = _gradients(spread, x, weight, (1, 1), ctx.padding, (True, False, False))[0]
        if ctx.needs_input_grad[1]:
            grad_weight = _gradients(grad, x, weight, ctx.stride, ctx.padding, (False, True, False))[1]
        return grad_x, grad_weight, None, None


def _gradients(grad, x, weight, stride, padding, wanted):
    dilation, transposed, output_padding, groups = (1, 1), False, (0, 0), x.shape[1]
    return torch.ops.aten.convolution_backward(
        grad, x, weight, None, stride, padding, dilation, transposed, output_padding, groups, wanted
    )
