import contextlib
from collections.abc import Iterator

import torch
from torch import Tensor, nn

from .library import kernel_library

LANE = 16  # kLane of vectors.h

_wanted = True


def fits(x: Tensor, multiple: int = 1) -> bool:
    """Whether the kernels take this map (N, C, H, W), and are wanted.

    They take channels-last maps on the CPU, float32 or bfloat16, whose channels are a ``multiple`` of some number (for
    most kernels ``LANE``). NCHW stays PyTorch's: the way of the papers' authors, which speed is measured against.
    Graphs are captured of PyTorch's own operators.
    """
    return (
        _wanted
        and x.device.type == "cpu"
        and x.dtype in (torch.float32, torch.bfloat16)
        and x.shape[1] % multiple == 0
        and x.is_contiguous(memory_format=torch.channels_last)
        and not x.is_contiguous()
        and not torch.compiler.is_exporting()
        and not torch.jit.is_tracing()
        and _is_available()
    )


@torch.compiler.assume_constant_result
def _is_available():
    return kernel_library() is not None


def is_plain(module: nn.Module, kind: type = nn.Conv2d) -> bool:
    """Whether it is of this very class and has no hooks: then its weights may be read in place of calling it."""
    hooks = (module._forward_hooks, module._forward_pre_hooks, module._backward_hooks, module._backward_pre_hooks)
    return type(module) is kind and not any(hooks)


@contextlib.contextmanager
def without_kernels() -> Iterator[None]:
    """Within the context everything goes PyTorch's way: to count operations, and to compare."""
    global _wanted
    before, _wanted = _wanted, False
    try:
        yield
    finally:
        _wanted = before
