from collections.abc import Sequence
from itertools import accumulate
from operator import mul
from typing import NamedTuple

import torch.nn.functional as F
from mmengine.model import BaseModule
from torch import Tensor, nn

from mtl_plugins.registry import MODELS


class _Stage(NamedTuple):
    blocks: int
    channels: tuple[int, ...]  # of each convolution of a block, in units of the stem's
    stride: int = 1
    dilation: int = 1
    dropout: float = 0.0


_STAGES = (
    _Stage(3, (2, 2), stride=2),
    _Stage(3, (4, 4), stride=2),
    _Stage(6, (8, 8), stride=2),
    _Stage(3, (8, 16), dilation=2),
    _Stage(1, (8, 16, 32), dilation=4, dropout=0.3),
    _Stage(1, (16, 32, 64), dilation=4, dropout=0.5),
)
_POOLED = 2  # so many stages get their stride from a max-pool before them, the others from their first convolution


@MODELS.register_module()
class ResNet38(BaseModule):
    """Wider ResNet-38, variant A2, dilated to stride 8 (Wu et al., "Wider or Deeper", arXiv 1611.10080).

    A 3x3 stem at full size, then six stages of pre-activation blocks: 105 M parameters.

    Args:
        width: Channels of the stem; the stages have 2, 4, 8, 16, 32 and 64 times as many (128 ... 4096).
        out_stages: Which stages to give, 0 ... 5 in rising order. Their strides: 2, 4, 8, 8, 8, 8.

    ``out_channels`` and ``out_strides`` are tuples, one entry a feature, finest first. ``forward`` takes (N, 3, H, W)
    of any size and gives a list of (N, C_i, H / s_i, W / s_i), rounded up.

    Raises:
        ValueError: stages that there are not, or not in rising order.
    """

    def __init__(self, width: int = 64, out_stages: Sequence[int] = (0, 5), init_cfg=None):
        super().__init__(init_cfg)
        self.out_stages = tuple(out_stages)
        if not self.out_stages or list(self.out_stages) != sorted(set(self.out_stages) & set(range(len(_STAGES)))):
            raise ValueError(
                f"ResNet38: out_stages={self.out_stages} must name one or more of the stages 0 ... {len(_STAGES) - 1}, "
                f"in rising order."
            )
        used = _STAGES[: self.out_stages[-1] + 1]  # what nothing reads would get no gradient
        channels = [width * stage.channels[-1] for stage in used]
        strides = list(accumulate((stage.stride for stage in used), mul))
        self.out_channels = tuple(channels[i] for i in self.out_stages)
        self.out_strides = tuple(strides[i] for i in self.out_stages)
        self.stem = nn.Conv2d(3, width, 3, padding=1, bias=False)
        self.stages = nn.ModuleList(
            _build_stage(stage, width, inside, 1 if i < _POOLED else stage.stride)
            for i, (stage, inside) in enumerate(zip(used, [width, *channels], strict=False))
        )

    def forward(self, x: Tensor) -> list[Tensor]:
        features = []
        x = self.stem(x)
        for i, stage in enumerate(self.stages):
            x = stage(F.max_pool2d(x, kernel_size=3, stride=2, padding=1) if i < _POOLED else x)
            if i in self.out_stages:
                features.append(x)
        return features


class PreActivationBlock(nn.Module):
    """Residual block of batch norm, ReLU and convolution, once for each of ``channels`` (He et al., arXiv 1603.05027).

    Two convolutions are 3x3; three are a bottleneck of 1x1, 3x3, 1x1. Where the size changes, a 1x1 convolution of
    the first activation takes the place of the input in the sum. Dropout comes before the last convolution.
    """

    def __init__(
        self, in_channels: int, channels: Sequence[int], stride: int = 1, dilation: int = 1, dropout: float = 0.0
    ):
        super().__init__()
        inputs = (in_channels, *channels[:-1])
        kernels = (3, 3) if len(channels) == 2 else (1, 3, 1)
        self.norms = nn.ModuleList(nn.BatchNorm2d(width) for width in inputs)
        self.convs = nn.ModuleList(
            nn.Conv2d(inside, outside, kernel, stride if i == 0 else 1, dilation * (kernel // 2), dilation, bias=False)
            for i, (inside, outside, kernel) in enumerate(zip(inputs, channels, kernels, strict=True))
        )
        self.dropout = nn.Dropout(dropout)
        changes = stride > 1 or in_channels != channels[-1]
        self.shortcut = nn.Conv2d(in_channels, channels[-1], 1, stride, bias=False) if changes else None

    def forward(self, x: Tensor) -> Tensor:
        active = F.relu(self.norms[0](x), inplace=True)
        if self.shortcut is not None:
            x = self.shortcut(active)
        for conv, norm in zip(self.convs[:-1], self.norms[1:], strict=True):
            active = F.relu(norm(conv(active)), inplace=True)
        return x + self.convs[-1](self.dropout(active))


def _build_stage(stage, width, in_channels, stride):
    channels = [width * factor for factor in stage.channels]
    first = PreActivationBlock(in_channels, channels, stride, stage.dilation, stage.dropout)
    others = (
        PreActivationBlock(channels[-1], channels, 1, stage.dilation, stage.dropout) for _ in range(stage.blocks - 1)
    )
    return nn.Sequential(first, *others)
