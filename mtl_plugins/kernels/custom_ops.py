"""Helpers shared by the custom operators: dtype suffixes, memory layout and autograd registration."""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.library import CustomOpDef

DTYPE_SUFFIX = {torch.float32: "float32", torch.bfloat16: "bfloat16"}  # of the kernels' names


def to_channels_last(x: Tensor) -> Tensor:
    """`x` (N, C, H, W) in channels-last layout; a copy only if needed."""
    return x.contiguous(memory_format=torch.channels_last)


def empty_channels_last(x: Tensor) -> Tensor:
    """An uninitialised channels-last tensor of the shape and dtype of `x`."""
    return torch.empty_like(x, memory_format=torch.channels_last)


def sizes(x: Tensor) -> tuple[int, int, int, int]:
    """The sizes (N, H, W, C) of `x` (N, C, H, W), in the order that the kernels expect."""
    n, channels, height, width = x.shape
    return n, height, width, channels


def register_backward(forward: CustomOpDef, backward: Callable) -> None:
    """Register `backward(*inputs, grad)` as the gradient of the custom operator `forward(x, ...)`.

    The output of `forward` has the shape and dtype of `x`.
    """
    forward.register_fake(lambda x, *rest: empty_channels_last(x))
    forward.register_autograd(
        lambda ctx, grad: backward(*ctx.saved_tensors, grad),
        setup_context=lambda ctx, inputs, output: ctx.save_for_backward(*inputs),
    )


def refuse_double_backward() -> None:
    """Raise a `RuntimeError` under `create_graph=True`: the kernels do not support double backward."""
    if torch.is_grad_enabled():
        raise RuntimeError(
            "the custom kernels do not support gradients of gradients (create_graph=True): use PyTorch's operators "
            "within mtl_plugins.kernels.without_kernels(), or set MTL_KERNELS=0."
        )
