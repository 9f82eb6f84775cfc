"""The memory that a process, or a GPU, holds."""

import contextlib
from collections.abc import Callable
from pathlib import Path

import torch


def held_memory(device: torch.device) -> float | None:
    """The memory that the process, or the GPU, holds now, in MiB; None if the system does not report it."""
    if device.type == "cuda":
        return torch.cuda.memory_allocated(device) / 2**20
    return _process_status("VmRSS")


def peak_memory(device: torch.device, call: Callable[[], object]) -> float | None:
    """The most memory that is held during a call, in MiB; None if the system does not report it."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
        call()
        return torch.cuda.max_memory_allocated(device) / 2**20
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")  # resets VmHWM (man 5 proc)
    call()
    return _process_status("VmHWM")


def _process_status(name: str) -> float | None:
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) / 2**10 for line in lines if line.startswith(name + ":")), None)
