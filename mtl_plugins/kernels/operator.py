"""What the operators over the kernels share."""

from collections.abc import Callable

import torch
from torch import Tensor

names = {torch.float32: "float32", torch.bfloat16: "bfloat16"}  # as the kernels' names end


def ordered(x: Tensor) -> Tensor:
    return x.contiguous(memory_format=torch.channels_last)


def like(x: Tensor) -> Tensor:
    return torch.empty_like(x, memory_format=torch.channels_last)


def sizes(x: Tensor) -> tuple[int, int, int, int]:
    """(n, h, w, channels), as the kernels take them."""
    n, channels, height, width = x.shape
    return n, height, width, channels


def differentiable(forward: Callable, backward: Callable) -> None:
    """Tell PyTorch that ``backward(*inputs, grad)`` is the gradient of ``forward(x, ...)``, whose answer is like x."""
    forward.register_fake(lambda x, *rest: like(x))
    forward.register_autograd(
        lambda ctx, grad: backward(*ctx.saved_tensors, grad),
        setup_context=lambda ctx, inputs, output: ctx.save_for_backward(*inputs),
    )


def refuse_second_order() -> None:
    """``RuntimeError`` within a backward pass that shall be differentiated itself, which would give a wrong answer."""
    if torch.is_grad_enabled():
        raise RuntimeError(
            "the kernels have no gradients of gradients (create_graph=True): compute within "
            "mtl_plugins.kernels.without_kernels(), or set MTL_KERNELS=0."
        )
