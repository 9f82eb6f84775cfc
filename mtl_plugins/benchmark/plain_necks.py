"""Task interaction as a plain composition of PyTorch's modules: the baseline of the benchmark of necks.

Each task has its own modules, each pair of tasks its own convolutions, and sums are those of stacked tensors.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchvision.models.resnet import BasicBlock, Bottleneck
from torchvision.ops import SqueezeExcitation

Maps = dict[str, Tensor]


def _block(kind: Any, inside: int, outside: int) -> nn.Module:
    """A residual block of torchvision."""
    skip = nn.Sequential(nn.Conv2d(inside, outside, 1, bias=False), nn.BatchNorm2d(outside))
    return kind(inside, outside // kind.expansion, downsample=None if inside == outside else skip)


def _by_task(tasks: Sequence[str], build: Callable[[], nn.Module]) -> nn.ModuleDict:
    return nn.ModuleDict({task: build() for task in tasks})


class _Gate(nn.Module):
    def __init__(self, channels: int):
        super().__init__()
        self.conv, self.attention = (nn.Conv2d(channels, channels, 3, padding=1, bias=False) for _ in range(2))

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(x) * torch.sigmoid(self.attention(x))


class PlainDistillation(nn.Module):
    """The distillation of PAD-Net with two convolutions for each pair of tasks."""

    def __init__(self, channels: int, tasks: Sequence[str]):
        super().__init__()
        self.gates: Any = nn.ModuleDict(
            {t: _by_task([s for s in tasks if s != t], lambda: _Gate(channels)) for t in tasks}
        )

    def forward(self, features: Mapping[str, Tensor]) -> Maps:
        """The distilled features by task."""
        return {
            task: x + torch.stack([gate(features[other]) for other, gate in self.gates[task].items()]).sum(0)
            for task, x in features.items()
        }


class PlainPADNet(nn.Module):
    """PAD-Net on one feature; the outputs and the initial predictions as a list."""

    def __init__(self, in_channels: int, tasks: Mapping[str, int], channels: int = 256):
        super().__init__()

        def blocks(inside: int) -> nn.Sequential:
            return nn.Sequential(_block(Bottleneck, inside, channels), _block(Bottleneck, channels, channels))

        self.initial, self.final = (
            _by_task(list(tasks), lambda: blocks(in_channels)),
            _by_task(list(tasks), lambda: blocks(channels)),
        )
        self.predictions = nn.ModuleDict({t: nn.Conv2d(channels, count, 1) for t, count in tasks.items()})
        self.distillation = PlainDistillation(channels, list(tasks))

    def forward(self, features: Sequence[Tensor]) -> list[Tensor]:
        """All outputs."""
        initial = {task: blocks(features[0]) for task, blocks in self.initial.items()}
        predicted = [conv(initial[task]) for task, conv in self.predictions.items()] if self.training else []
        distilled = self.distillation(initial)
        return [blocks(distilled[task]) for task, blocks in self.final.items()] + predicted


class PlainPropagation(nn.Module):
    """The feature propagation of MTI-Net, with the mask over tasks."""

    def __init__(self, channels: int, tasks: Sequence[str]):
        super().__init__()
        joined = len(tasks) * channels
        width = joined // 4
        self.logits = nn.Sequential(
            _block(BasicBlock, joined, width), _block(BasicBlock, width, width), nn.Conv2d(width, joined, 1)
        )
        self.reduce = _block(BasicBlock, joined, channels)
        self.squeeze = _by_task(tasks, lambda: SqueezeExcitation(channels, max(1, channels // 16)))

    def forward(self, features: Mapping[str, Tensor]) -> Maps:
        """The features for the next scale by task."""
        joined = torch.cat(list(features.values()), 1)
        n, channels, height, width = joined.shape
        mask = torch.softmax(self.logits(joined).view(n, len(features), -1, height, width), dim=1)
        shared = self.reduce((mask * joined.view_as(mask)).view(n, channels, height, width))
        return {task: squeeze(shared) + features[task] for task, squeeze in self.squeeze.items()}


class PlainMTINet(nn.Module):
    """MTI-Net on features of doubling strides; the distilled features and the initial predictions as a list."""

    def __init__(self, in_channels: Sequence[int], tasks: Mapping[str, int]):
        super().__init__()
        self.initial, self.predictions = nn.ModuleList(), nn.ModuleList()
        for i, width in enumerate(in_channels):
            inside = sum(in_channels[i : i + 2])

            def blocks(inside: int = inside, width: int = width) -> nn.Sequential:
                return nn.Sequential(_block(BasicBlock, inside, width), _block(BasicBlock, width, width))

            self.initial.append(_by_task(list(tasks), blocks))
            self.predictions.append(nn.ModuleDict({t: nn.Conv2d(width, count, 1) for t, count in tasks.items()}))
        self.propagation = nn.ModuleList(PlainPropagation(width, list(tasks)) for width in in_channels[1:])
        self.distillation = nn.ModuleList(PlainDistillation(width, list(tasks)) for width in in_channels)

    def forward(self, features: Sequence[Tensor]) -> list[Tensor]:
        """All outputs."""
        outputs: list[Tensor] = []
        propagated: Maps = {}
        for i in reversed(range(len(features))):
            modules: Any = self.initial[i]
            found: Maps = {}
            for task, blocks in modules.items():
                x = features[i]
                if propagated:
                    upsampled = F.interpolate(propagated[task], x.shape[-2:], mode="bilinear", align_corners=False)
                    x = torch.cat([x, upsampled], 1)
                found[task] = blocks(x)
            if self.training:
                convs: Any = self.predictions[i]
                outputs += [conv(found[task]) for task, conv in convs.items()]
            outputs += self.distillation[i](found).values()
            propagated = self.propagation[i - 1](found) if i else {}
        return outputs


class PlainMTAN(nn.Module):
    """MTAN on pairs of features of doubling strides; the attended features of all stages as a list."""

    def __init__(self, in_channels: Sequence[int], tasks: Sequence[str]):
        super().__init__()
        self.masks = nn.ModuleList(
            _by_task(tasks, lambda inside=width * (1 + bool(i)), width=width: self._mask(inside, width))  # type: ignore[misc]
            for i, width in enumerate(in_channels)
        )
        self.refine = nn.ModuleList(
            _block(Bottleneck, inside, outside) for inside, outside in zip(in_channels, in_channels[1:], strict=False)
        )

    @staticmethod
    def _mask(inside: int, width: int) -> nn.Sequential:
        return nn.Sequential(
            nn.Conv2d(inside, width // 4, 1),
            nn.BatchNorm2d(width // 4),
            nn.ReLU(inplace=True),
            nn.Conv2d(width // 4, width, 1),
            nn.BatchNorm2d(width),
            nn.Sigmoid(),
        )

    def forward(self, features: Sequence[Tensor]) -> list[Tensor]:
        """All outputs."""
        attended: Maps = {}
        outputs: list[Tensor] = []
        for i, modules in enumerate(self.masks):
            before, after = features[2 * i], features[2 * i + 1]
            masks: Any = modules
            inputs = dict.fromkeys(masks, before)
            if i:
                refined = {task: F.max_pool2d(self.refine[i - 1](x), 2, 2) for task, x in attended.items()}
                inputs = {task: torch.cat([before, x], 1) for task, x in refined.items()}
            attended = {task: mask(inputs[task]) * after for task, mask in masks.items()}
            outputs += attended.values()
        return outputs


class PlainCrossStitch(nn.Module):
    """A cross-stitch unit with one parameter for each pair of tasks."""

    def __init__(self, channels: int, tasks: Sequence[str]):
        super().__init__()
        self.weights: Any = nn.ModuleDict(
            {t: nn.ParameterDict({s: torch.full((channels,), 0.9 if s == t else 0.1) for s in tasks}) for t in tasks}
        )

    def forward(self, features: Mapping[str, Tensor]) -> list[Tensor]:
        """The stitched features."""
        return [
            torch.stack([weight.view(1, -1, 1, 1) * features[other] for other, weight in weights.items()]).sum(0)
            for weights in self.weights.values()
        ]


class PlainNDDR(nn.Module):
    """An NDDR layer."""

    def __init__(self, channels: int, tasks: Sequence[str]):
        super().__init__()

        def layer() -> nn.Sequential:
            conv = nn.Conv2d(channels * len(tasks), channels, 1, bias=False)
            return nn.Sequential(conv, nn.BatchNorm2d(channels), nn.ReLU())

        self.layers = _by_task(tasks, layer)

    def forward(self, features: Mapping[str, Tensor]) -> list[Tensor]:
        """The fused features."""
        joined = torch.cat(list(features.values()), 1)
        return [layer(joined) for layer in self.layers.values()]
