"""The speed of the custom CPU kernels, compared with PyTorch's operators at the sizes of a training step."""

from collections.abc import Callable
from functools import partial
from statistics import median
from typing import TypeVar

import torch
from torch import Tensor, nn

from mtl_plugins.engine import keep_freed_memory
from mtl_plugins.functional.losses import resizing_cross_entropy
from mtl_plugins.kernels import NarrowConv2d, max_pool, scaled_conv, warm_up, without_kernels
from mtl_plugins.models.necks import ChainedResidualPooling

from .section import Section
from .timing import alternate, paired_ratio

Module = TypeVar("Module", bound=nn.Module)
_CHANNELS, _CLASSES, _STRIDE = 256, 40, 4  # HydraNet's decoder on NYUDv2
_HEADS = (_CLASSES, 1)  # output channels of the heads for classes and depth
# Decorators that choose the implementation: PyTorch's operators or our kernels.
_IMPLEMENTATIONS: dict[str, Callable] = dict(plain=without_kernels(), ours=lambda call: call)
_PARTS = ("forward", "backward")


def compare_kernels(size: tuple[int, int], batch_size: int, rounds: int = 5) -> Section:
    """Time forward and backward of each operation with both implementations, alternately.

    Args:
        size: Height and width of the images in pixels; the feature maps have a quarter of it.
        batch_size: Images per batch.
        rounds: Number of rounds.
    """
    height, width = (max(1, pixels // _STRIDE) for pixels in size)
    title = f"Kernels, channels-last float32 on the CPU, {batch_size}x{_CHANNELS}x{height}x{width}"
    if not warm_up():
        return Section(title, notes=("not measured: the kernels could not be compiled on this machine",))
    keep_freed_memory()
    figures: dict[str, float | bool] = {}
    notes = []
    for name, (call, x) in _operations(size, batch_size, height, width).items():
        times = alternate(_contenders(call, x), rounds, steps=1)
        parts, milliseconds = [part for part in _PARTS if ("ours", part) in times], []
        for part in parts:
            plain, ours = times["plain", part], times["ours", part]
            figures[f"{name}, {part}"] = paired_ratio(plain, ours)
            milliseconds.append(f"{part} {1e3 * median(sum(plain, [])):.1f} -> {1e3 * median(sum(ours, [])):.1f} ms")
        # The median of a round's two times is half their sum, so this is the ratio of the sums.
        plain, ours = (
            [sum(turn, []) for turn in zip(*(times[implementation, part] for part in parts), strict=True)]
            for implementation in _IMPLEMENTATIONS
        )
        figures[f"{name}, in all"] = paired_ratio(plain, ours)
        notes.append(f"{name}: {', '.join(milliseconds)}; {figures[f'{name}, in all']:.1f} times as fast")
    notes.append("PyTorch's operators -> our kernels; always 256 channels and 40 classes, whatever the config")
    return Section(title, figures=figures, notes=tuple(notes))


def _operations(
    size: tuple[int, int], batch_size: int, height: int, width: int
) -> dict[str, tuple[Callable[[Tensor], Tensor], Tensor]]:
    """Each operation's function and its input."""
    torch.manual_seed(0)

    def random(channels: int) -> Tensor:
        return torch.randn(batch_size, channels, height, width).contiguous(memory_format=torch.channels_last)

    def head(outs: int, training: bool = True) -> Callable[[Tensor], Tensor]:
        scale = nn.Conv2d(_CHANNELS, _CHANNELS, 1, groups=_CHANNELS, bias=False)
        conv = NarrowConv2d(_CHANNELS, outs)
        call = partial(scaled_conv, scale=_channels_last(scale), conv=_channels_last(conv))
        return call if training else torch.no_grad()(call)

    block = _channels_last(ChainedResidualPooling(_CHANNELS, depthwise=True))
    labels = torch.randint(0, _CLASSES, (batch_size, 1, *size))
    features, logits = random(_CHANNELS).requires_grad_(), random(_CLASSES).requires_grad_()
    return {
        "residual pooling": (block, features),
        "pooling": (max_pool, features),
        **{f"a head's convolutions to {outs}": (head(outs), features) for outs in _HEADS},
        **{f"to {outs}, predicting": (head(outs, training=False), features) for outs in _HEADS},
        "cross-entropy at image size": (lambda x: resizing_cross_entropy(x, labels), logits),
    }


def _channels_last(module: Module) -> Module:
    return module.to(memory_format=torch.channels_last)


def _contenders(call: Callable[[Tensor], Tensor], x: Tensor) -> dict[tuple[str, str], Callable[[], object]]:
    """The function of each (implementation, part). Operations without gradients have no backward part."""
    contenders: dict[tuple[str, str], Callable[[], object]] = {}
    for name, decorate in _IMPLEMENTATIONS.items():
        contenders[name, "forward"] = forward = decorate(partial(call, x))
        output = forward()
        if output.requires_grad:
            contenders[name, "backward"] = partial(_backward, output, x, torch.ones_like(output))
    return contenders


def _backward(output: Tensor, x: Tensor, grad: Tensor) -> None:
    x.grad = None
    output.backward(grad, retain_graph=True)
