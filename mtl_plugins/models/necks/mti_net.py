from collections.abc import Mapping, Sequence
from typing import Any

import torch
from mmengine.model import BaseModule
from torch import Tensor, nn
from torchvision.ops import Conv2dNormActivation

from mtl_plugins.registry import MODELS

from .feature_propagation import MASKS, FeaturePropagation
from .multi_modal_distillation import MultiModalDistillation
from .neck_output import NeckOutput
from .residual_block import residual_blocks
from .task_parts import TaskDecoders, prediction_convs, resize_to


@MODELS.register_module()
class MTINet(BaseModule):
    """MTI-Net: task interaction at every scale (Vandenhende et al., ECCV 2020, arXiv 2001.06902).

    From the coarsest feature to the finest, each task has two residual blocks and a 1x1 convolution that predicts the
    task in training (the auxiliary output of this scale). `FeaturePropagation` passes the features of all tasks to the
    next scale, where they are resized and concatenated to the feature of the backbone. At each scale the tasks exchange
    features by `MultiModalDistillation`. A decoder per task joins the scales.

    Args:
        in_channels: Channels of the features, finest first (set by the model).
        in_strides: Strides of the features (set by the model).
        tasks: Names of the tasks (set by the model).
        channels: Channels of the features of every scale after a projection by a 1x1 convolution with batch norm and
            ReLU, for backbones with wide features. None: no projection, as in the paper with HRNet.
        mask: What the softmax mask of the feature propagation compares: `"tasks"`, as the paper describes it, or
            `"channels"`, as many neighbouring channels of one task as there are tasks, as the authors' public code
            computes it.
        auxiliary_weight: Factor of the losses of the auxiliary predictions.
        decoder: Config of the neck that joins the scales of each task, such as
            `dict(type="LightWeightRefineNet", channels=64)`. With None, the heads get the features of all scales.
        init_cfg: As in mmengine's `BaseModule`.

    Attributes:
        out_channels: Channels of the outputs of each task, finest first.
        out_strides: Strides of the outputs of each task.

    Raises:
        ValueError: `mask` is unknown. In `attach`: the raw output of a head is not one map.
    """

    def __init__(
        self,
        in_channels: Sequence[int],
        in_strides: Sequence[int],
        tasks: Sequence[str],
        channels: int | None = None,
        mask: str = "tasks",
        auxiliary_weight: float = 1.0,
        decoder: dict | None = dict(type="ConcatFeatures"),  # noqa: B006
        init_cfg: dict | None = None,
    ):
        super().__init__(init_cfg)
        if mask not in MASKS:
            raise ValueError(f"MTINet: mask={mask!r} must be {' or '.join(map(repr, MASKS))}.")
        self.tasks, self.auxiliary_weight = tuple(tasks), auxiliary_weight
        widths = list(in_channels) if channels is None else [channels] * len(in_channels)
        self.project: Any = nn.ModuleList(
            nn.Identity() if channels is None else Conv2dNormActivation(width, channels, 1) for width in in_channels
        )
        inputs = [sum(widths[i : i + 2]) for i in range(len(widths))]  # with the features of the coarser scale
        self.initial: Any = nn.ModuleList(
            nn.ModuleDict({task: residual_blocks(inside, width, 2) for task in tasks})
            for inside, width in zip(inputs, widths, strict=True)
        )
        self.propagation: Any = nn.ModuleList(FeaturePropagation(width, tasks, mask) for width in widths[1:])
        self.distillation: Any = nn.ModuleList(MultiModalDistillation(width, tasks, tasks) for width in widths)
        self.predictions: Any = nn.ModuleDict()
        self.widths = tuple(widths)
        self.out_channels: Any = self.widths
        self.out_strides: Any = tuple(in_strides)
        self.decoders = None
        if decoder is not None:
            self.decoders = TaskDecoders(decoder, tasks, self.widths, in_strides)
            self.out_channels, self.out_strides = self.decoders.out_channels, self.decoders.out_strides

    def attach(self, heads: Mapping[str, nn.Module]) -> None:
        """Add the auxiliary predictions of the tasks of `heads`."""
        self.predictions = prediction_convs("MTINet", heads, self.widths)

    def forward(self, features: Sequence[Tensor]) -> dict[str, list[Tensor]] | NeckOutput:
        """One list of maps per task. In training also the auxiliary predictions, finest first, if heads are known."""
        initial = self.initial_features(features)
        distilled = [distil(scale) for distil, scale in zip(self.distillation, initial, strict=True)]
        outputs = {task: [scale[task] for scale in distilled] for task in self.tasks}
        outputs = outputs if self.decoders is None else self.decoders(outputs)
        if not self.training or not self.predictions:
            return outputs
        return NeckOutput(
            outputs,
            {
                task: [conv(scale[task]) for conv, scale in zip(convs, initial, strict=True)]
                for task, convs in self.predictions.items()
            },
        )

    def initial_features(self, features: Sequence[Tensor]) -> list[dict[str, Tensor]]:
        """The features of every task at each scale before the distillation, finest first."""
        initial: list[dict[str, Tensor]] = []
        for level in reversed(range(len(features))):
            x = self.project[level](features[level])
            inputs = dict.fromkeys(self.initial[level], x)
            if initial:
                propagated = self.propagation[level](initial[-1])
                inputs = {task: torch.cat([x, resize_to(y, x)], dim=1) for task, y in propagated.items()}
            initial.append({task: blocks(inputs[task]) for task, blocks in self.initial[level].items()})
        return initial[::-1]

    def prune(self, tasks: Sequence[str]) -> None:
        """Keep only what `tasks` need. The features of all tasks remain, because the tasks read them."""
        self.tasks = tuple(tasks)
        for distil in self.distillation:
            distil.prune(tasks)
        if self.decoders is not None:
            self.decoders.prune(tasks)
        self.predictions = nn.ModuleDict()
