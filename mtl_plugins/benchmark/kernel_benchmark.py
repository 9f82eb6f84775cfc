"""How fast our kernels are beside PyTorch's operators, at the sizes of a training step; on the CPU."""

from functools import partial
from statistics import median

import torch
from torch import nn

from mtl_plugins.engine import keep_freed_memory
from mtl_plugins.functional.losses import resizing_cross_entropy
from mtl_plugins.kernels import NarrowConv2d, max_pool, scaled_conv, warm_up, without_kernels
from mtl_plugins.models.necks.crp import ChainedResidualPooling

from .timing import Section, alternate, paired_ratio

_CHANNELS, _CLASSES, _STRIDE = 256, 40, 4  # HydraNet's decoder on NYUDv2
_HEADS = (_CLASSES, 1)  # channels of classes and of depth
_WAYS = dict(plain=without_kernels(), ours=lambda call: call)  # what a function is decorated with
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
    if not warm_up():
        return Section(title, notes=("not measured: there is no library of kernels here",))
    keep_freed_memory()
    figures, notes = {}, []
    for name, (call, x) in _operations(size, batch_size, height, width).items():
        times = alternate(_contenders(call, x), rounds, steps=1)
        parts, told = [part for part in _PARTS if ("ours", part) in times], []
        for part in parts:
            plain, ours = times["plain", part], times["ours", part]
            figures[f"{name}, {part}"] = paired_ratio(plain, ours)
            told.append(f"{part} {1e3 * median(sum(plain, [])):.1f} -> {1e3 * median(sum(ours, [])):.1f} ms")
        # the median of a round's two times is half their sum
        plain, ours = (
            [sum(turn, []) for turn in zip(*(times[way, part] for part in parts), strict=True)] for way in _WAYS
        )
        figures[f"{name}, in all"] = paired_ratio(plain, ours)
        notes.append(f"{name}: {', '.join(told)}; {figures[f'{name}, in all']:.1f} times as fast")
    notes.append("PyTorch's operators -> our kernels; 256 channels and 40 classes, whatever the config has")
    return Section(title, figures=figures, notes=tuple(notes))


def _operations(size, batch_size, height, width):
    """``{name: (function of a map, the map)}``."""
    torch.manual_seed(0)

    def random(channels):
        return torch.randn(batch_size, channels, height, width).contiguous(memory_format=torch.channels_last)

    def head(outs, learns=True):
        scale = nn.Conv2d(_CHANNELS, _CHANNELS, 1, groups=_CHANNELS, bias=False)
        conv = NarrowConv2d(_CHANNELS, outs)
        call = partial(scaled_conv, scale=_ordered(scale), conv=_ordered(conv))
        return call if learns else torch.no_grad()(call)

    block = _ordered(ChainedResidualPooling(_CHANNELS, depthwise=True))
    labels = torch.randint(0, _CLASSES, (batch_size, 1, *size))
    features, logits = random(_CHANNELS).requires_grad_(), random(_CLASSES).requires_grad_()
    return {
        "residual pooling": (block, features),
        "pooling": (max_pool, features),
        **{f"a head's convolutions to {outs}": (head(outs), features) for outs in _HEADS},
        **{f"to {outs}, predicting": (head(outs, learns=False), features) for outs in _HEADS},
        "cross-entropy at image size": (lambda x: resizing_cross_entropy(x, labels), logits),
    }


def _ordered(module):
    return module.to(memory_format=torch.channels_last)


def _contenders(call, x):
    """``{(way, part): function}``; there is no backward where nothing learns."""
    contenders = {}
    for way, within in _WAYS.items():
        contenders[way, "forward"] = forward = within(partial(call, x))
        answer = forward()
        if answer.requires_grad:
            contenders[way, "backward"] = partial(_back, answer, x, torch.ones_like(answer))
    return contenders


def _back(answer, x, grad):
    x.grad = None
    answer.backward(grad, retain_graph=True)
