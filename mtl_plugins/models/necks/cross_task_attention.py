from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from mmengine.model import BaseModule
from torch import Tensor, nn

from mtl_plugins.registry import MODELS

from ..build_part import build_part
from .concat_features import ConcatFeatures
from .residual_block import ResidualBlock
from .task_parts import keep_only


@MODELS.register_module()
class CrossTaskAttention(BaseModule):
    """Attention between tasks, after the cross-task attention of DenseMTL (Lopes et al., WACV 2023, arXiv 2206.08927).

    Each task has a bottleneck on a shared map. Each position of a task then attends to all positions of the other
    tasks, whose maps are pooled first, and the result is added to the task's features with one learned factor per
    channel. The factors start at 0, so a training starts without exchange.

    It differs from the paper in what makes it light: a single scale; one softmax over all other tasks instead of one
    per pair of tasks, so keys and values are computed once per task; several attention heads; no spatial self-attention
    branch and no intermediate predictions.

    Args:
        in_channels: Channels of the features, finest first (set by the model).
        in_strides: Strides of the features (set by the model).
        tasks: Names of the tasks (set by the model).
        channels: Channels of the features of each task.
        num_heads: Attention heads; `channels` must be a multiple of it.
        pool: Factor by which the maps are pooled (maximum) before keys and values are computed.
        fuse: Config of a neck that makes the shared map, the first of its outputs. By default
            `ConcatFeatures(channels)`; a single feature is the shared map itself.
        init_cfg: As in mmengine's `BaseModule`.

    Attributes:
        out_channels: Channels of the output of each task, a tuple of one.
        out_strides: Stride of the output, a tuple of one.

    Raises:
        ValueError: `channels` is not a multiple of `num_heads`.
    """

    def __init__(
        self,
        in_channels: Sequence[int],
        in_strides: Sequence[int],
        tasks: Sequence[str],
        channels: int = 64,
        num_heads: int = 4,
        pool: int = 4,
        fuse: dict | None = None,
        init_cfg: dict | None = None,
    ):
        super().__init__(init_cfg)
        if channels % num_heads:
            raise ValueError(f"CrossTaskAttention: channels={channels} must be a multiple of num_heads={num_heads}.")
        self.num_heads, self.pool = num_heads, pool
        self.fuse: Any = None
        width, stride = in_channels[0], in_strides[0]
        if fuse is not None:
            self.fuse = build_part(fuse, tasks, in_channels=in_channels, in_strides=in_strides)
            width, stride = self.fuse.out_channels[0], self.fuse.out_strides[0]
        elif len(in_channels) > 1:
            self.fuse = ConcatFeatures(in_channels, in_strides, channels)
            width = channels
        self.initial: Any = nn.ModuleDict({task: ResidualBlock(width, channels, bottleneck=True) for task in tasks})
        exchanging = tasks if len(tasks) > 1 else ()
        self.queries: Any = nn.ModuleDict({task: nn.Conv2d(channels, channels, 1) for task in exchanging})
        self.keys_and_values: Any = nn.ModuleDict({task: nn.Conv2d(channels, 2 * channels, 1) for task in exchanging})
        self.outputs: Any = nn.ModuleDict({task: nn.Conv2d(channels, channels, 1) for task in exchanging})
        self.factors: Any = nn.ParameterDict({task: torch.zeros(channels, 1, 1) for task in exchanging})
        self.targets = tuple(tasks)
        self.out_channels, self.out_strides = (channels,), (stride,)

    def forward(self, features: Sequence[Tensor]) -> dict[str, list[Tensor]]:
        """One map (N, channels, H, W) per task."""
        shared = features[0] if self.fuse is None else self.fuse(features)[0]
        initial = {task: block(shared) for task, block in self.initial.items()}
        tokens = {
            task: self._split(conv(F.max_pool2d(initial[task], self.pool, ceil_mode=True)), 2 * self.num_heads)
            for task, conv in self.keys_and_values.items()
        }
        return {task: [self._attend(task, initial[task], tokens)] for task in self.targets}

    def prune(self, tasks: Sequence[str]) -> None:
        """Keep only what `tasks` need: the features, keys and values of the other tasks, but not their attention."""
        self.targets = tuple(tasks)
        for modules in (self.queries, self.outputs, self.factors):
            keep_only(modules, tasks)
        if len(tasks) == 1:  # a task does not attend to itself
            keep_only(self.keys_and_values, set(self.keys_and_values) - set(tasks))

    def _attend(self, task, x, tokens):
        others = [found for other, found in tokens.items() if other != task]
        if not others:
            return x
        keys, values = torch.cat(others, dim=2).chunk(2, dim=1)
        attended = F.scaled_dot_product_attention(self._split(self.queries[task](x), self.num_heads), keys, values)
        attended = attended.transpose(2, 3).flatten(1, 2).view_as(x)
        return torch.addcmul(x, self.outputs[task](attended), self.factors[task])

    @staticmethod
    def _split(x: Tensor, parts: int) -> Tensor:
        """(N, C, H, W) to (N, parts, H x W, C / parts)."""
        return x.flatten(2).unflatten(1, (parts, -1)).transpose(2, 3)
