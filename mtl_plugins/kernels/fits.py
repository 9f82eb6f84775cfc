import contextlib
from collections.abc import Iterator
from contextvars import ContextVar

import torch
from torch import Tensor, nn

from .library import kernel_library

LANE = 16  # kLane in vectors.h

_enabled: ContextVar[bool] = ContextVar("mtl_plugins_kernels_enabled", default=True)


def fits(x: Tensor, multiple: int = 1) -> bool:
    """Whether the custom kernels are enabled and support the feature map `x`.

    The kernels support channels-last maps on the CPU in float32 or bfloat16. NCHW tensors always use PyTorch's
    operators; this is the benchmark baseline. Export and tracing never see the custom kernels. Returns False until
    `warm_up` has loaded the library.

    Args:
        x: Feature map (N, C, H, W).
        multiple: C must be a multiple of this number (`LANE` for most kernels).
    """
    return (
        _is_enabled()
        and x.device.type == "cpu"
        and x.dtype in (torch.float32, torch.bfloat16)
        and x.shape[1] % multiple == 0
        and x.is_contiguous(memory_format=torch.channels_last)
        and not x.is_contiguous()
        and not torch.compiler.is_exporting()
        and not torch.jit.is_tracing()
        and _is_loaded()
    )


@torch.compiler.assume_constant_result
def _is_enabled() -> bool:
    return _enabled.get()


@torch.compiler.assume_constant_result
def _is_loaded() -> bool:
    return kernel_library() is not None


def is_plain(module: nn.Module, kind: type = nn.Conv2d) -> bool:
    """Whether `module` is exactly of class `kind` and has no hooks, so its weights may be used without calling it."""
    hooks = (module._forward_hooks, module._forward_pre_hooks, module._backward_hooks, module._backward_pre_hooks)
    return type(module) is kind and not any(hooks)


@contextlib.contextmanager
def without_kernels() -> Iterator[None]:
    """Use PyTorch's operators in this thread (or asyncio task) only, e.g. to count operations or to compare results."""
    token = _enabled.set(False)
    try:
        yield
    finally:
        _enabled.reset(token)
