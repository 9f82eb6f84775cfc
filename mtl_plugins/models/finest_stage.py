from collections.abc import Sequence
from functools import reduce
from operator import add
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .heads.dense_head import DenseHead
from .multi_task_model import MultiTaskModel
from .necks import ChainedResidualPooling
from .necks.light_weight_refinenet import LightWeightRefineNet

_WIDTH = 32  # channels per block; measured at 640x480 (docs/performance.md)


class FinestStage(nn.Module):
    """The finest level of `LightWeightRefineNet` and its heads in blocks of channels, for inference.

    From the output of the lateral convolution to the input of each head's last convolution, the finest level is
    channel-wise. So it runs in blocks of 32 channels that fit into the processor's cache, and each head's last
    convolution sums the results of the blocks. The output is the same up to the order of this sum, with far less
    memory traffic.

    Args:
        model: A model for which `fits` holds.
    """

    def __init__(self, model: MultiTaskModel):
        super().__init__()
        self.tasks = model.tasks
        neck: Any = model.neck
        width = neck.out_channels[0]
        blocks = [slice(first, first + _WIDTH) for first in range(0, width, _WIDTH)]
        self.blocks = nn.ModuleList(_ChannelBlock(model, channels) for channels in blocks)

    @staticmethod
    def fits(model: MultiTaskModel) -> bool:
        """Whether the model has the paper's neck with a depthwise finest level, and heads of the paper's form."""
        neck: Any = model.neck
        return bool(
            type(neck) is LightWeightRefineNet
            and neck.crp[0].depthwise
            and neck.out_channels[0] % _WIDTH == 0
            and neck.out_channels[0] > _WIDTH
            and all(type(head).forward is DenseHead.forward and head.decoder is None for head in model.heads.values())
        )

    def forward(self, features: Sequence[Tensor], coarser: Tensor | None) -> dict[str, Tensor]:
        """Raw outputs by task.

        Args:
            features: The backbone's features.
            coarser: The result of `LightWeightRefineNet.coarser(features)`.
        """
        first, *others = self.blocks
        outputs = first(features, coarser)
        for block in others:
            outputs = [total + more for total, more in zip(outputs, block(features, coarser), strict=True)]
        return dict(zip(self.tasks, outputs, strict=True))


class _ChannelBlock(nn.Module):
    """A block of channels, and its share of each head's output."""

    def __init__(self, model, channels):
        super().__init__()
        neck, heads = model.neck, model.heads.values()
        self.members = list(reversed(neck.groups[0]))
        self.lateral = nn.ModuleList(_slice_conv(neck.lateral[i], out=channels) for i in self.members)
        self.adapt = _slice_conv(neck.adapt[0], out=channels) if len(neck.adapt) else None
        self.crp = ChainedResidualPooling(channels.stop - channels.start, len(neck.crp[0].convs), depthwise=True)
        self.crp.convs = nn.ModuleList(_slice_conv(conv, out=channels) for conv in neck.crp[0].convs)
        self.pre = nn.ModuleList(_slice_conv(head.pre, out=channels) for head in heads)
        self.out = nn.ModuleList(_slice_conv(head.out, into=channels, bias=channels.start == 0) for head in heads)

    def forward(self, features, coarser):
        members = [lateral(features[i]) for i, lateral in zip(self.members, self.lateral, strict=True)]
        total = reduce(add, members)
        if coarser is not None:
            x = F.interpolate(self.adapt(coarser), total.shape[-2:], mode="bilinear", align_corners=False)
            total = total + x
        x = self.crp(total)
        return [out(F.relu6(pre(x))) for pre, out in zip(self.pre, self.out, strict=True)]


@torch.no_grad()
def _slice_conv(
    conv: nn.Conv2d,
    out: slice = slice(None),  # noqa: B008
    into: slice = slice(None),  # noqa: B008
    bias: bool = True,
) -> nn.Conv2d:
    """A copy of `conv` that is restricted to some output channels or to some input channels."""
    weight = conv.weight[out, into].clone()
    groups = len(weight) if conv.groups > 1 else 1
    kernel_size: Any = conv.kernel_size
    padding: Any = conv.padding
    has_bias = bias and conv.bias is not None
    cut = nn.Conv2d(weight.shape[1] * groups, len(weight), kernel_size, padding=padding, groups=groups, bias=has_bias)
    cut.weight = nn.Parameter(weight, requires_grad=False)
    if has_bias and conv.bias is not None:
        cut.bias = nn.Parameter(conv.bias[out].clone(), requires_grad=False)
    return cut
