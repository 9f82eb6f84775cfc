"""How fast our kernels are beside PyTorch's operators, at the sizes of a training step; on the CPU."""

import contextlib
import time
from statistics import median

import torch
from torch import nn

from mtl_plugins.engine import keep_freed_memory
from mtl_plugins.functional.losses import resizing_cross_entropy
from mtl_plugins.kernels import NarrowConv2d, kernel_library, max_pool, scaled_conv, without_kernels
from mtl_plugins.models.necks.crp import ChainedResidualPooling

from .timing import WARM_UP, Section

_CHANNELS, _CLASSES, _STRIDE = 256, 40, 4  # HydraNet's decoder on NYUDv2
_PARTS = ("forward", "backward")


def compare_kernels(size: tuple[int, int], batch_size: int, rounds: int = 5) -> Section:
    """Milliseconds forward and backward of each operation by both ways, which take turns.

    Args:
        size: (H, W) of the images; maps are a quarter of it.
        batch_size: Images a batch.
        rounds: Turns of each.
    """
    height, width = (max(1, pixels // _STRIDE) for pixels in size)
    title = f"Kernels, channels-last float32 on the CPU, {batch_size}x{_CHANNELS}x{height}x{width}"
    if kernel_library() is None:
        return Section(title, notes=("not measured: there is no library of kernels here",))
    keep_freed_memory()
    figures, notes = {}, []
    for name, (call, x) in _operations(size, batch_size, height, width).items():
        times = {False: [], True: []}
        for turn in range(WARM_UP + rounds):
            for ours in times:
                with contextlib.nullcontext() if ours else without_kernels():
                    taken = _time(call, x)
                if turn >= WARM_UP:
                    times[ours].append(taken)
        told = []
        for part in (0, 1):
            plain, ours = ([taken[part] for taken in times[way]] for way in (False, True))
            if any(ours):
                figures[f"{name}, {_PARTS[part]}"] = median(a / b for a, b in zip(plain, ours, strict=True))
                told.append(f"{_PARTS[part]} {1e3 * median(plain):.1f} -> {1e3 * median(ours):.1f} ms")
        total = median(sum(plain) / sum(ours) for plain, ours in zip(times[False], times[True], strict=True))
        figures[f"{name}, in all"] = total
        notes.append(f"{name}: {', '.join(told)}; {total:.1f} times as fast")
    notes.append("PyTorch's operators -> our kernels; 256 channels and 40 classes, whatever the config has")
    return Section(title, figures=figures, notes=tuple(notes))


def _operations(size, batch_size, height, width):
    """``{name: (function of a map, the map)}``."""
    torch.manual_seed(0)

    def random(channels):
        return torch.randn(batch_size, channels, height, width).contiguous(memory_format=torch.channels_last)

    scale = nn.Conv2d(_CHANNELS, _CHANNELS, 1, groups=_CHANNELS, bias=False)
    block, conv = ChainedResidualPooling(_CHANNELS, depthwise=True), NarrowConv2d(_CHANNELS, _CLASSES)
    for module in (scale, block, conv):
        module.to(memory_format=torch.channels_last)
    labels = torch.randint(0, _CLASSES, (batch_size, 1, *size))
    features, logits = random(_CHANNELS), random(_CLASSES)
    return {
        "residual pooling": (block, features.requires_grad_()),
        "pooling": (max_pool, features),
        "a head's convolutions": (lambda x: scaled_conv(x, scale, conv), features),
        "a head's convolutions, predicting": (torch.no_grad()(lambda x: scaled_conv(x, scale, conv)), features),
        "cross-entropy at image size": (lambda x: resizing_cross_entropy(x, labels), logits.requires_grad_()),
    }


def _time(call, x):
    """Seconds forward and backward; 0 where there is nothing to go back through."""
    x.grad = None
    start = time.perf_counter()
    answer = call(x)
    middle = time.perf_counter()
    if not answer.requires_grad:
        return middle - start, 0.0
    grad = torch.ones_like(answer)
    begin = time.perf_counter()
    answer.backward(grad)
    return middle - start, time.perf_counter() - begin
