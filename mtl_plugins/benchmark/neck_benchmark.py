"""The time of task interaction against a plain composition of the same operations, on the same features."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves, tree_map

from mtl_plugins.models.backbones.cross_stitch_backbone import CrossStitchUnit
from mtl_plugins.models.backbones.nddr_backbone import NDDRUnit
from mtl_plugins.models.necks import MTAN, MTINet, PADNet

from .plain_necks import PlainCrossStitch, PlainMTAN, PlainMTINet, PlainNDDR, PlainPADNet
from .section import Section, to_rows
from .timing import alternate, contender, paired_ratio

_TASKS = dict(semseg=40, depth=1, normals=3, edge=1)  # output channels on NYUDv2
_STRIDES = (4, 8, 16, 32)
_HRNET, _RESNET = (18, 36, 72, 144), (256, 512, 1024, 2048)  # channels of HRNet-18 and ResNet-50
_FUSED = 270  # channels of HRNet-18's features, concatenated


class _Case(NamedTuple):
    name: str
    ours: nn.Module
    plain: nn.Module
    features: Any


class _Head(nn.Module):
    def __init__(self, out_channels: int):
        super().__init__()
        self.out_channels = out_channels


def compare_necks(
    size: tuple[int, int], batch_size: int, steps: int = 3, rounds: int = 5, names: Sequence[str] | None = None
) -> Section:
    """Time each interaction against the plain composition: channels-last against NCHW, float32, alternately.

    Args:
        size: Height and width of the images in pixels.
        batch_size: Images per batch.
        steps: Calls per turn.
        rounds: Turns of each contender.
        names: Names of the interactions; all by default.
    """
    rows: list = []
    figures: dict[str, float | bool] = {}
    for name, case in _cases(size, batch_size):
        if names is not None and name not in names:
            continue
        for training in (True, False):
            label = f"{name}, {'training' if training else 'prediction'}"
            times = alternate(_contenders(case(), training), rounds, steps)
            rows += to_rows(times, batch_size, f"{label}: ")
            figures[label] = paired_ratio(times["ours"], times["plain"])
    notes = [f"{label}: {ratio:.2f} times the time of the plain composition" for label, ratio in figures.items()]
    notes.append("training is forward and backward; four tasks; channels of HRNet-18 (PADNet, MTINet) or ResNet-50")
    title = f"Task interaction, {size[0]}x{size[1]}, batch {batch_size}, {torch.get_num_threads()} threads"
    return Section(title, tuple(rows), figures, tuple(notes))


def _cases(size: Sequence[int], batch_size: int) -> Iterator[tuple[str, Callable[[], _Case]]]:
    """Name and builder of each case."""
    tasks = list(_TASKS)

    def maps(channels: Sequence[int], strides: Sequence[int] = _STRIDES) -> list[Tensor]:
        generator = torch.Generator().manual_seed(0)
        return [
            torch.randn(batch_size, c, *(-(-pixels // s) for pixels in size), generator=generator)
            for c, s in zip(channels, strides, strict=True)
        ]

    def padnet() -> _Case:
        ours = PADNet((_FUSED,), _STRIDES[:1], tasks)
        return _Case("PADNet", ours, PlainPADNet(_FUSED, _TASKS), maps((_FUSED,), _STRIDES[:1]))

    def mti_net() -> _Case:
        ours = MTINet(_HRNET, _STRIDES, tasks, decoder=None)
        return _Case("MTINet", ours, PlainMTINet(_HRNET, _TASKS), maps(_HRNET))

    def mtan() -> _Case:
        pairs = [c for c in _RESNET for _ in range(2)], [s for s in _STRIDES for _ in range(2)]
        return _Case("MTAN", MTAN(*pairs, tasks), PlainMTAN(_RESNET, tasks), maps(*pairs))

    def unit(ours: Any, plain: Any) -> Callable[[], _Case]:
        def build() -> _Case:
            units = [[kind(channels, tasks) for channels in _RESNET] for kind in (ours, plain)]
            features = [{task: x.clone() for task in tasks} for x in maps(_RESNET)]
            return _Case("unit", _Each(units[0]), _Each(units[1]), features)

        return build

    yield "PADNet", padnet
    yield "MTINet", mti_net
    yield "MTAN", mtan
    yield "CrossStitchBackbone", unit(CrossStitchUnit, PlainCrossStitch)
    yield "NDDRBackbone", unit(NDDRUnit, PlainNDDR)


class _Each(nn.Module):
    """One unit for each of several features."""

    def __init__(self, units: Sequence[nn.Module]):
        super().__init__()
        self.units = nn.ModuleList(units)

    def forward(self, features: Sequence[Any]) -> list[Any]:
        return [unit(x) for unit, x in zip(self.units, features, strict=True)]


def _contenders(case: _Case, training: bool) -> dict[str, Callable[[], None]]:
    attach: Any = getattr(case.ours, "attach", None)
    if attach is not None:
        attach({task: _Head(channels) for task, channels in _TASKS.items()})
    ours = case.ours.to(memory_format=torch.channels_last)
    layouts = dict(plain=torch.contiguous_format, ours=torch.channels_last)
    contenders = {}
    for name, network in dict(plain=case.plain, ours=ours).items():
        features = tree_map(
            lambda x, name=name: x.contiguous(memory_format=layouts[name]).requires_grad_(training), case.features
        )

        network.train(training)

        def call(network: nn.Module = network, features: Any = features) -> None:
            with torch.set_grad_enabled(training):
                outputs = tree_leaves(network(features))
            if training:
                torch.autograd.backward(outputs, [torch.ones_like(output) for output in outputs])

        contenders[name] = contender(call, network, keep_memory=True)
    return contenders
