from collections.abc import Sequence
from itertools import accumulate
from operator import mul
from typing import NamedTuple

import torch.nn.functional as F
from mmengine.model import BaseModule
from timm.data import IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD
from torch import Tensor, nn

from mtl_plugins.registry import MODELS


class _Stage(NamedTuple):
    blocks: int
    channels: tuple[int, ...]  # of each convolution in a block, as multiples of the stem's channels
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
_POOLED = 2  # the first stages get their stride from a max-pool before them, the others from their first convolution


@MODELS.register_module()
class ResNet38(BaseModule):
    """Wider ResNet-38, variant A2, dilated to stride 8 (Wu et al., "Wider or Deeper", arXiv 1611.10080).

    A 3x3 stem at full size and six stages of pre-activation blocks: 105 M parameters.

    Args:
        width: Channels of the stem. The stages have 2, 4, 8, 16, 32 and 64 times as many (128 ... 4096).
        out_stages: Stages to return, 0 ... 5 in ascending order. Their strides are 2, 4, 8, 8, 8, 8.
        init_cfg: As in mmengine's `BaseModule`.

    Attributes:
        out_channels: Channels of the features, finest first.
        out_strides: Strides of the features, finest first.
        mean: Mean of RGB in 0 ... 1 of its input: ImageNet's.
        std: Standard deviation of RGB in 0 ... 1: ImageNet's.

    Raises:
        ValueError: `out_stages` is empty, not ascending, or contains an unknown stage.
    """

    mean = IMAGENET_DEFAULT_MEAN
    std = IMAGENET_DEFAULT_STD

    def __init__(self, width: int = 64, out_stages: Sequence[int] = (0, 5), init_cfg: dict | None = None):
        super().__init__(init_cfg)
        self.out_stages = tuple(out_stages)
        if not self.out_stages or list(self.out_stages) != sorted(set(self.out_stages) & set(range(len(_STAGES)))):
            raise ValueError(
                f"ResNet38: out_stages={self.out_stages} must contain stages from 0 ... {len(_STAGES) - 1} "
                f"in ascending order."
            )
        used = _STAGES[: self.out_stages[-1] + 1]  # later stages would get no gradient
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
        """Features (N, C_i, H / s_i, W / s_i), rounded up, of images (N, 3, H, W) of any size."""
        features = []
        x = self.stem(x)
        for i, stage in enumerate(self.stages):
            x = stage(F.max_pool2d(x, kernel_size=3, stride=2, padding=1) if i < _POOLED else x)
            if i in self.out_stages:
                features.append(x)
        return features


class PreActivationBlock(nn.Module):
    """Residual block with pre-activation: batch norm, ReLU, convolution (He et al., arXiv 1603.05027).

    Two convolutions are 3x3; three are a bottleneck of 1x1, 3x3, 1x1. If the shape changes, the shortcut is a 1x1
    convolution of the first activation. Dropout comes before the last convolution.

    Args:
        in_channels: Channels of the input.
        channels: Channels of each convolution.
        stride: Stride of the first convolution.
        dilation: Dilation of the 3x3 convolutions.
        dropout: Dropout probability.
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
