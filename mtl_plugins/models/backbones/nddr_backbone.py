from collections.abc import Mapping, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mtl_plugins.registry import MODELS

from .parallel_backbones import ParallelBackbones


@MODELS.register_module()
class NDDRBackbone(ParallelBackbones):
    """NDDR-CNN (Gao et al., CVPR 2019, arXiv 1801.08297): one copy of a timm model per task.

    After each stage, the features of all tasks are concatenated, and each task has a 1x1 convolution without bias that
    reduces them to its number of channels, batch norm and ReLU. The paper trains these layers with 100 times the
    learning rate: `optim_wrapper.paramwise_cfg=dict(custom_keys={"backbone.units": dict(lr_mult=100.0)})`. It also has
    a layer after the first pooling of a ResNet: `out_features=("maxpool", "layer1", "layer2", "layer3", "layer4")`.

    Args:
        tasks: Names of the tasks (set by the model).
        *args: As for `ParallelBackbones`.
        same: Initial weight of a channel of the task's own feature.
        other: Initial weight of the same channel of each other task.
        momentum: Momentum of the batch norms.
        **kwargs: As for `ParallelBackbones`.
    """

    def __init__(
        self,
        tasks: Sequence[str],
        *args: Any,
        same: float = 0.9,
        other: float = 0.1,
        momentum: float = 0.05,
        **kwargs: Any,
    ):
        self._start = same, other, momentum
        super().__init__(tasks, *args, **kwargs)

    def build_unit(self, channels: int) -> nn.Module:
        """An NDDR layer."""
        return NDDRUnit(channels, self.tasks, *self._start)


class NDDRUnit(nn.Module):
    """A 1x1 convolution for each task on the features of all tasks, with batch norm and ReLU.

    Args:
        channels: Channels of the features.
        tasks: Names of the tasks.
        same: Initial weight of a channel of the task's own feature.
        other: Initial weight of the same channel of each other task.
        momentum: Momentum of the batch norms.
    """

    def __init__(
        self, channels: int, tasks: Sequence[str], same: float = 0.9, other: float = 0.1, momentum: float = 0.05
    ):
        super().__init__()
        self.sources = tuple(tasks)
        self.layers = nn.ModuleDict()
        for task in tasks:
            conv = nn.Conv2d(len(tasks) * channels, channels, 1, bias=False)
            blocks = [torch.eye(channels) * (same if source == task else other) for source in tasks]
            conv.weight.data = torch.cat(blocks, dim=1)[..., None, None]
            self.layers[task] = nn.Sequential(conv, nn.BatchNorm2d(channels, momentum=momentum))

    def forward(self, features: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The fused features (N, C, H, W) by task."""
        joined = torch.cat([features[source] for source in self.sources], dim=1)
        return {task: F.relu(layer(joined), inplace=True) for task, layer in self.layers.items()}

    def prune(self, tasks: Sequence[str]) -> None:
        """Keep only what `tasks` receive."""
        for task in set(self.layers) - set(tasks):
            del self.layers[task]
