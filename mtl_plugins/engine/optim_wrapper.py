"""Mixed precision on any device."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from mmengine.optim import OptimWrapper
from torch import Tensor, nn

from mtl_plugins.registry import OPTIM_WRAPPERS

PRECISIONS = ("auto", "float32", "bfloat16", "float16")


def cpu_has_bfloat16() -> bool:
    """Whether this processor multiplies bfloat16 in hardware (AVX512-BF16, AMX, Armv8.6)."""
    if any(getattr(torch.cpu, f"_is_{name}_supported", bool)() for name in ("avx512_bf16", "amx_tile")):
        return True
    # those functions are private and their names change; Linux lists the features too
    cpuinfo = Path("/proc/cpuinfo")
    flags = cpuinfo.read_text().split() if cpuinfo.is_file() else []
    return not {"avx512_bf16", "amx_bf16", "bf16"}.isdisjoint(flags)


def resolve_precision(precision: str, device_type: str) -> torch.dtype:
    """The dtype of a precision on a device.

    Args:
        precision: One of `PRECISIONS`. `"auto"` is bfloat16 if the hardware supports it natively, else float32.
        device_type: Type of the device: `"cpu"`, `"cuda"`, ...

    Raises:
        ValueError: The precision is unknown or not available on the device.
    """
    if precision not in PRECISIONS:
        raise ValueError(f"optim_wrapper.precision={precision!r} is unknown. Choose from: {', '.join(PRECISIONS)}.")
    if precision == "float16" and device_type != "cuda":
        raise ValueError(f"precision='float16' needs a CUDA GPU, not {device_type!r}. Use 'bfloat16' or 'auto'.")
    if precision != "auto":
        return getattr(torch, precision)
    if device_type == "cuda":
        native = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        native = device_type == "cpu" and cpu_has_bfloat16()
    return torch.bfloat16 if native else torch.float32


def autocast_context(precision: str, device: str | torch.device) -> torch.autocast:
    """`torch.autocast` for a precision (see `resolve_precision`) on a device; it does nothing for float32."""
    device_type = torch.device(device).type
    dtype = resolve_precision(precision, device_type)
    return torch.autocast(device_type, dtype=dtype, enabled=dtype != torch.float32)


@OPTIM_WRAPPERS.register_module()
class AutocastOptimWrapper(OptimWrapper):
    """An optimizer wrapper with autocast on any device; mmengine's `AmpOptimWrapper` needs a GPU.

    Args:
        *args: As for mmengine's `OptimWrapper`.
        precision: `"auto"`, `"float32"`, `"bfloat16"` or `"float16"` (only on CUDA, with a gradient scaler); see
            `resolve_precision`.
        loss_scale: Arguments of `torch.amp.GradScaler`, used for float16 only.
        **kwargs: As for mmengine's `OptimWrapper`: `optimizer`, `accumulative_counts`, `clip_grad`.
    """

    def __init__(self, *args: Any, precision: str = "auto", loss_scale: dict | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        device_type = self.optimizer.param_groups[0]["params"][0].device.type
        self.precision = precision
        self.dtype = resolve_precision(precision, device_type)
        self.loss_scaler = None
        if self.dtype == torch.float16:
            self.loss_scaler = torch.amp.GradScaler(device_type, **(loss_scale or {}))

    @contextmanager
    def optim_context(self, model: nn.Module) -> Iterator[None]:
        """Context of the forward pass: autocast and gradient accumulation."""
        device = next(model.parameters()).device
        with super().optim_context(model), autocast_context(str(self.dtype).removeprefix("torch."), device):
            yield

    def backward(self, loss: Tensor, **kwargs: Any) -> None:
        """Run the backward pass of a loss, which is scaled in float16."""
        super().backward(self.loss_scaler.scale(loss) if self.loss_scaler else loss, **kwargs)

    def step(self, **kwargs: Any) -> None:
        """Update the parameters; in float16, skip the update if a gradient is not finite."""
        if self.loss_scaler is None:
            super().step(**kwargs)
            return
        if self.clip_grad_kwargs:
            self.loss_scaler.unscale_(self.optimizer)
            self._clip_grad()
        self.loss_scaler.step(self.optimizer, **kwargs)
        self.loss_scaler.update()

    def state_dict(self) -> dict:
        """State of the optimizer and the gradient scaler."""
        state = super().state_dict()
        return state if self.loss_scaler is None else {**state, "loss_scaler": self.loss_scaler.state_dict()}

    def load_state_dict(self, state_dict: dict) -> None:
        """Restore the state of the optimizer and the gradient scaler."""
        state = dict(state_dict)
        scaler = state.pop("loss_scaler", None)  # missing if the run used another precision
        if self.loss_scaler is not None and scaler is not None:
            self.loss_scaler.load_state_dict(scaler)
        super().load_state_dict(state)
