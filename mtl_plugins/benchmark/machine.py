"""The machine and the software versions that measurements depend on."""

import os

import torch
from mmengine.device import get_device

from .training_setting import TrainingSetting


def describe_machine(setting: TrainingSetting) -> dict[str, str | int | list[int]]:
    """The conditions of a measurement: sizes, device, cores, threads and the version of PyTorch."""
    device = get_device()
    return dict(
        size=list(setting.size),
        batch_size=setting.batch_size,
        rounds=setting.rounds,
        steps=setting.steps,
        device=torch.cuda.get_device_name() if device == "cuda" else device,
        cores=available_cores(),
        threads=torch.get_num_threads(),
        cpu_capability=torch.backends.cpu.get_cpu_capability(),
        torch=torch.__version__,
    )


def available_cores() -> int:
    """Number of CPU cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
