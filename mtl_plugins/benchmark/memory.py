"""The memory that a process, or a GPU, holds."""

import contextlib
import os
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


def peak_tensor_memory(device: torch.device, call: Callable[[], object]) -> float | None:
    """The most memory that tensors allocated during a call hold at once, in MiB.

    In contrast to the memory of the process, it does not depend on what the allocator keeps for later. On a CPU,
    PyTorch's profiler counts it; None if this version of PyTorch does not show its events.
    """
    if device.type == "cuda":
        before = torch.cuda.memory_allocated(device)
        peak = peak_memory(device, call)
        return None if peak is None else peak - before / 2**20
    os.environ.setdefault("KINETO_LOG_LEVEL", "99")  # the profiler prints to the console
    with torch.profiler.profile(profile_memory=True, activities=[torch.profiler.ProfilerActivity.CPU]) as profile:
        call()
    held = peak = 0
    try:
        for event in profile.profiler.kineto_results.events():  # type: ignore[union-attr]
            if event.name() == "[memory]":
                held += event.nbytes()
                peak = max(peak, held)
    except AttributeError:
        return None
    return peak / 2**20


def _process_status(name: str) -> float | None:
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) / 2**10 for line in lines if line.startswith(name + ":")), None)
