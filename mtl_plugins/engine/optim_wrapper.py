"""Mixed precision on whatever device the model is on."""

from contextlib import contextmanager
from pathlib import Path

import torch
from mmengine.optim import OptimWrapper

from mtl_plugins.registry import OPTIM_WRAPPERS

PRECISIONS = ("auto", "float32", "bfloat16", "float16")


def cpu_has_bfloat16():
    """Whether this processor multiplies bfloat16 natively (AVX512-BF16, AMX, Armv8.6), not by emulation."""
    if any(getattr(torch.cpu, f"_is_{name}_supported", bool)() for name in ("avx512_bf16", "amx_tile")):
        return True
    # these questions are private to torch and their names change; Linux knows too
    cpuinfo = Path("/proc/cpuinfo")
    flags = cpuinfo.read_text().split() if cpuinfo.is_file() else []
    return not {"avx512_bf16", "amx_bf16", "bf16"}.isdisjoint(flags)


def resolve_precision(precision, device_type):
    """The dtype that ``precision`` (one of ``PRECISIONS``) means on a device type ('cpu', 'cuda', ...).

    'auto' is bfloat16 where the hardware has it natively, else float32.
    """
    if precision not in PRECISIONS:
        raise ValueError(f"optim_wrapper.precision={precision!r}: allowed are {', '.join(PRECISIONS)}")
    if precision == "float16" and device_type != "cuda":
        raise ValueError(f"precision='float16' needs a CUDA GPU, not {device_type!r}; take 'bfloat16' or 'auto'")
    if precision != "auto":
        return getattr(torch, precision)
    if device_type == "cuda":
        native = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        native = device_type == "cpu" and cpu_has_bfloat16()
    return torch.bfloat16 if native else torch.float32


def autocast_context(precision, device):
    """``torch.autocast`` for ``precision`` on ``device`` (a torch.device or its name); float32: no effect."""
    device_type = torch.device(device).type
    dtype = resolve_precision(precision, device_type)
    return torch.autocast(device_type, dtype=dtype, enabled=dtype != torch.float32)


@OPTIM_WRAPPERS.register_module()
class AutocastOptimWrapper(OptimWrapper):
    """An optimiser wrapper with autocast on any device; mmengine's ``AmpOptimWrapper`` wants a GPU.

    Args:
        precision: 'auto' (default), 'float32', 'bfloat16' or 'float16' (CUDA alone, with a gradient scaler).
        loss_scale: arguments of ``torch.amp.GradScaler`` for float16, else unused.
        **kwargs: as mmengine's ``OptimWrapper``: optimizer, accumulative_counts, clip_grad.
    """

    def __init__(self, *args, precision="auto", loss_scale=None, **kwargs):
        super().__init__(*args, **kwargs)
        device_type = self.optimizer.param_groups[0]["params"][0].device.type
        self.precision = precision
        self.dtype = resolve_precision(precision, device_type)
        self.loss_scaler = None
        if self.dtype == torch.float16:
            self.loss_scaler = torch.amp.GradScaler(device_type, **(loss_scale or {}))

    @contextmanager
    def optim_context(self, model):
        device = next(model.parameters()).device
        with super().optim_context(model), autocast_context(str(self.dtype).removeprefix("torch."), device):
            yield

    def backward(self, loss, **kwargs):
        super().backward(self.loss_scaler.scale(loss) if self.loss_scaler else loss, **kwargs)

    def step(self, **kwargs):
        if self.loss_scaler is None:
            return super().step(**kwargs)
        if self.clip_grad_kwargs:
            self.loss_scaler.unscale_(self.optimizer)
            self._clip_grad()
        self.loss_scaler.step(self.optimizer, **kwargs)
        self.loss_scaler.update()

    def state_dict(self):
        state = super().state_dict()
        return state if self.loss_scaler is None else {**state, "loss_scaler": self.loss_scaler.state_dict()}

    def load_state_dict(self, state_dict):
        state = dict(state_dict)
        scaler = state.pop("loss_scaler", None)  # absent, or of a run in another precision
        if self.loss_scaler is not None and scaler is not None:
            self.loss_scaler.load_state_dict(scaler)
        super().load_state_dict(state)
