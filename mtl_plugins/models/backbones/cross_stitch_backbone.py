from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from mtl_plugins.registry import MODELS

from .parallel_backbones import ParallelBackbones


@MODELS.register_module()
class CrossStitchBackbone(ParallelBackbones):
    """Cross-stitch networks (Misra et al., CVPR 2016, arXiv 1604.03539): one copy of a timm model per task.

    After each stage, the feature of a task becomes a weighted sum of the features of all tasks, with one learned weight
    per pair of tasks and channel. The paper trains the weights with 100 times the learning rate:
    `optim_wrapper.paramwise_cfg=dict(custom_keys={"backbone.units": dict(lr_mult=100.0)})`.

    Args:
        tasks: Names of the tasks (set by the model).
        *args: As for `ParallelBackbones`.
        same: Initial weight of the task's own feature.
        other: Initial weight of the feature of each other task.
        **kwargs: As for `ParallelBackbones`.
    """

    def __init__(self, tasks: Sequence[str], *args: Any, same: float = 0.9, other: float = 0.1, **kwargs: Any):
        self._start = same, other
        super().__init__(tasks, *args, **kwargs)

    def build_unit(self, channels: int) -> nn.Module:
        """A cross-stitch unit."""
        return CrossStitchUnit(channels, self.tasks, *self._start)


class CrossStitchUnit(nn.Module):
    """`out_t = sum over tasks s of weight[t, s] x_s`, channel by channel.

    Args:
        channels: Channels of the features.
        tasks: Names of the tasks.
        same: Initial weight of the task's own feature.
        other: Initial weight of the feature of each other task.
    """

    def __init__(self, channels: int, tasks: Sequence[str], same: float = 0.9, other: float = 0.1):
        super().__init__()
        self.sources = self.targets = tuple(tasks)
        weight = torch.full((len(tasks), len(tasks), channels), float(other))
        weight[range(len(tasks)), range(len(tasks))] = same
        self.weight = nn.Parameter(weight)

    def forward(self, features: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The stitched features (N, C, H, W) by task."""
        stitched = {}
        for target, weights in zip(self.targets, self.weight[..., None, None], strict=True):
            total = features[self.sources[0]] * weights[0]
            for source, weight in zip(self.sources[1:], weights[1:], strict=True):
                total = torch.addcmul(total, features[source], weight)
            stitched[target] = total
        return stitched

    def prune(self, tasks: Sequence[str]) -> None:
        """Keep only what `tasks` receive."""
        rows = [i for i, target in enumerate(self.targets) if target in tasks]
        self.targets = tuple(self.targets[i] for i in rows)
        self.weight = nn.Parameter(self.weight.detach()[rows], requires_grad=self.weight.requires_grad)
