from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from mmengine.model import BaseModule
from torch import Tensor, nn

from mtl_plugins.registry import MODELS

from .residual_block import ResidualBlock
from .task_parts import TaskDecoders, keep_only, resize_to


@MODELS.register_module()
class MTAN(BaseModule):
    """Multi-Task Attention Network (Liu et al., CVPR 2019, arXiv 1803.10704), in the form for ResNets.

    At each stage of the backbone, each task has a soft mask. It is predicted from the feature before the last block of
    the stage and from the attended features of the task at the previous stage, and multiplies the feature after the
    last block. A bottleneck that the tasks share, and max-pooling where the stride changes, bring the attended features
    to the next stage.

    The backbone provides both features of each stage with `out_features="last_blocks"` (see `TimmBackbone`).

    Args:
        in_channels: Channels of the features, finest first (set by the model).
        in_strides: Strides of the features (set by the model).
        tasks: Names of the tasks (set by the model).
        paired: Whether the backbone provides two features per stage: before and after its last block. If False, the
            mask of each feature is predicted from the feature itself, which works with any backbone.
        decoder: Config of a neck per task that reads the attended features of all stages, such as
            `dict(type="LightWeightRefineNet", channels=64)`. With None, the heads get the attended features of the last
            stage, as in the paper.
        init_cfg: As in mmengine's `BaseModule`.

    Attributes:
        out_channels: Channels of the outputs of each task, finest first.
        out_strides: Strides of the outputs of each task.

    Raises:
        ValueError: The features are not pairs of equal stride, but `paired` is True.
    """

    def __init__(
        self,
        in_channels: Sequence[int],
        in_strides: Sequence[int],
        tasks: Sequence[str],
        paired: bool = True,
        decoder: dict | None = None,
        init_cfg: dict | None = None,
    ):
        super().__init__(init_cfg)
        self.paired = paired
        if paired and (len(in_strides) % 2 or in_strides[::2] != in_strides[1::2]):
            raise ValueError(
                "MTAN reads two features per stage of the backbone, before and after its last block, but the strides "
                f"of the features are {list(in_strides)}. Set model.backbone.out_features='last_blocks', or "
                "model.neck.paired=False."
            )
        before, after = (in_channels[::2], in_channels[1::2]) if paired else (in_channels, in_channels)
        self.strides = tuple(in_strides[::2] if paired else in_strides)
        stages = range(len(after))
        self.masks: Any = nn.ModuleList(
            nn.ModuleDict({t: _mask(before[i] + (after[i] if i else 0), after[i]) for t in tasks}) for i in stages
        )
        self.refine: Any = nn.ModuleList(ResidualBlock(after[i], after[i + 1], bottleneck=True) for i in stages[:-1])
        self.decoders = None
        self.out_channels: Any = (after[-1],)
        self.out_strides: Any = (self.strides[-1],)
        if decoder is not None:
            self.decoders = TaskDecoders(decoder, tasks, after, self.strides)
            self.out_channels, self.out_strides = self.decoders.out_channels, self.decoders.out_strides

    def forward(self, features: Sequence[Tensor], split: Callable | None = None) -> dict[str, list[Tensor]]:
        """The attended features of each task.

        Args:
            features: The features of the backbone, finest first.
            split: Separates the tasks for a balancer (see docs/balancing.md). They part at the backbone's features.
        """
        views = dict.fromkeys(self.masks[0], features) if split is None else split(features)
        attended = {task: self.attend(task, view) for task, view in views.items()}
        if self.decoders is not None:
            return self.decoders(attended)
        return {task: maps[-1:] for task, maps in attended.items()}

    def attend(self, task: str, features: Sequence[Tensor]) -> list[Tensor]:
        """The attended features of a task at all stages, finest first."""
        before, after = (features[::2], features[1::2]) if self.paired else (features, features)
        attended: list[Tensor] = []
        for i, (x, y) in enumerate(zip(before, after, strict=True)):
            if i:
                refined = self._pool(self.refine[i - 1](attended[-1]), i, y)
                x = torch.cat([x, refined], dim=1)
            attended.append(self.masks[i][task](x) * y)
        return attended

    def prune(self, tasks: Sequence[str]) -> None:
        """Keep only what `tasks` need."""
        for masks in self.masks:
            keep_only(masks, tasks)
        if self.decoders is not None:
            self.decoders.prune(tasks)

    def _pool(self, x, stage, target):
        """`x`, pooled to the stride of a stage. Odd sizes are rounded up, as by strided convolutions with padding."""
        factor = self.strides[stage] // self.strides[stage - 1]
        x = x if factor == 1 else F.max_pool2d(x, factor, ceil_mode=True)
        return resize_to(x, target)


def _mask(in_channels, out_channels):
    width = max(1, out_channels // 4)
    return nn.Sequential(
        nn.Conv2d(in_channels, width, 1),
        nn.BatchNorm2d(width),
        nn.ReLU(inplace=True),
        nn.Conv2d(width, out_channels, 1),
        nn.BatchNorm2d(out_channels),
        nn.Sigmoid(),
    )
