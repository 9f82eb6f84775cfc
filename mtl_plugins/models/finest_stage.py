from collections.abc import Sequence
from functools import reduce
from operator import add

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .heads.dense_head import DenseHead
from .multi_task_model import MultiTaskModel
from .necks.crp import ChainedResidualPooling
from .necks.light_weight_refinenet import LightWeightRefineNet

_WIDTH = 32  # channels at a time; measured at 640x480 (docs/performance.md)


class FinestStage(nn.Module):
    """The finest level of ``LightWeightRefineNet`` and the heads upon it, some channels at a time, for inference.

    From the lateral convolution to the heads' last one no channel looks at another. So a few of them go the whole way
    while they lie in the processor's cache, and each head's last convolution adds up what the parts give: the answer is
    the same, but for the order of the sum, and most of the traffic with memory falls away.
    """

    def __init__(self, model: MultiTaskModel):
        super().__init__()
        self.tasks = model.tasks
        width = model.neck.out_channels[0]
        parts = [slice(first, first + _WIDTH) for first in range(0, width, _WIDTH)]
        self.parts = nn.ModuleList(_Part(model, channels) for channels in parts)

    @staticmethod
    def fits(model: MultiTaskModel) -> bool:
        """Whether the model is built so: the paper's neck with a depthwise finest level, heads of its form."""
        neck = model.neck
        return (
            type(neck) is LightWeightRefineNet
            and neck.crp[0].depthwise
            and neck.out_channels[0] % _WIDTH == 0
            and neck.out_channels[0] > _WIDTH
            and all(type(head).forward is DenseHead.forward for head in model.heads.values())
        )

    def forward(self, features: Sequence[Tensor], coarser: Tensor | None) -> dict[str, Tensor]:
        """``{task: raw output}`` from the backbone's features and ``LightWeightRefineNet.coarser`` of them."""
        outputs = self.parts[0](features, coarser)
        for part in self.parts[1:]:
            outputs = [total + more for total, more in zip(outputs, part(features, coarser), strict=True)]
        return dict(zip(self.tasks, outputs, strict=True))


class _Part(nn.Module):
    """Some channels of the way, and their share of each head's output."""

    def __init__(self, model, channels):
        super().__init__()
        neck, heads = model.neck, model.heads.values()
        self.members = list(reversed(neck.groups[0]))
        self.lateral = nn.ModuleList(_cut(neck.lateral[i], out=channels) for i in self.members)
        self.adapt = _cut(neck.adapt[0], out=channels) if len(neck.adapt) else None
        self.crp = ChainedResidualPooling(channels.stop - channels.start, len(neck.crp[0].convs), depthwise=True)
        self.crp.convs = nn.ModuleList(_cut(conv, out=channels) for conv in neck.crp[0].convs)
        self.pre = nn.ModuleList(_cut(head.pre, out=channels) for head in heads)
        self.out = nn.ModuleList(_cut(head.out, into=channels, bias=channels.start == 0) for head in heads)

    def forward(self, features, coarser):
        members = [lateral(features[i]) for i, lateral in zip(self.members, self.lateral, strict=True)]
        total = reduce(add, members)
        if coarser is not None:
            x = F.interpolate(self.adapt(coarser), total.shape[-2:], mode="bilinear", align_corners=False)
            total = total + x
        x = self.crp(total)
        return [out(F.relu6(pre(x))) for pre, out in zip(self.pre, self.out, strict=True)]


@torch.no_grad()
def _cut(conv: nn.Conv2d, out=slice(None), into=slice(None), bias=True) -> nn.Conv2d:  # noqa: B008
    """The convolution of some of the output channels, or from some of the input channels."""
    weight = conv.weight[out, into].clone()
    groups = len(weight) if conv.groups > 1 else 1
    bias = bias and conv.bias is not None
    cut = nn.Conv2d(
        weight.shape[1] * groups, len(weight), conv.kernel_size, padding=conv.padding, groups=groups, bias=bias
    )
    cut.weight = nn.Parameter(weight, requires_grad=False)
    if bias:
        cut.bias = nn.Parameter(conv.bias[out].clone(), requires_grad=False)
    return cut
