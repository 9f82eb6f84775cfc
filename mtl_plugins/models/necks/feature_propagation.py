from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torchvision.ops import SqueezeExcitation

from .residual_block import ResidualBlock, residual_blocks
from .task_parts import keep_only

MASKS = ("tasks", "channels")


class FeaturePropagation(nn.Module):
    """Feature propagation module of MTI-Net (Vandenhende et al., ECCV 2020, arXiv 2001.06902, section 3.3).

    The features of all tasks are concatenated and multiplied by a softmax mask, which is predicted from them. A
    residual block reduces them to `channels`. Each task adds the result, weighted by squeeze-and-excitation, to its
    features.

    Args:
        channels: Channels of the features of every task.
        tasks: Names of the tasks.
        mask: Over what the softmax runs; see `MTINet`.
    """

    def __init__(self, channels: int, tasks: Sequence[str], mask: str = "tasks"):
        super().__init__()
        self.tasks, self.mask = tuple(tasks), mask
        width = max(1, len(tasks) * channels // 4)
        self.logits = nn.Sequential(
            *residual_blocks(len(tasks) * channels, width, 2), nn.Conv2d(width, len(tasks) * channels, 1)
        )
        self.reduce = ResidualBlock(len(tasks) * channels, channels)
        self.squeeze: Any = nn.ModuleDict({task: SqueezeExcitation(channels, max(1, channels // 16)) for task in tasks})

    def forward(self, features: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The features (N, C, H, W) that each task passes to the next finer scale."""
        joined = torch.cat([features[task] for task in self.tasks], dim=1)
        shared = self.reduce(softmax_mask(self.logits(joined), len(self.tasks), self.mask) * joined)
        return {task: squeeze(shared) + features[task] for task, squeeze in self.squeeze.items()}

    def prune(self, tasks: Sequence[str]) -> None:
        """Keep only what `tasks` receive."""
        keep_only(self.squeeze, tasks)


def softmax_mask(logits: Tensor, num_tasks: int, mask: str) -> Tensor:
    """A softmax over groups of `num_tasks` channels.

    Args:
        logits: (N, num_tasks x C, H, W), the C channels of the first task first.
        num_tasks: Number of tasks.
        mask: `"tasks"`: each group has the same channel of all tasks. `"channels"`: each group has neighbouring
            channels.
    """
    logits = logits.movedim(1, -1)  # contiguous if the maps are channels-last
    sizes = (num_tasks, -1) if mask == "tasks" else (-1, num_tasks)
    groups = logits.unflatten(-1, sizes)
    return groups.softmax(-2 if mask == "tasks" else -1).flatten(-2).movedim(-1, 1)
