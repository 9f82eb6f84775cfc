from collections.abc import Sequence
from itertools import groupby

import torch.nn.functional as F
from mmengine.model import BaseModule
from torch import Tensor, nn

from mtl_plugins.registry import MODELS

from ..decoder_init import init_decoder_conv
from .chained_residual_pooling import ChainedResidualPooling


@MODELS.register_module()
class LightWeightRefineNet(BaseModule):
    """Light-Weight RefineNet decoder (Nekrasov et al., BMVC 2018; as in HydraNet, arXiv 1809.04766).

    Features of equal stride form a group. Each feature is projected to `channels` by a 1x1 convolution, and the group
    is summed. From the coarsest group to the finest: ReLU6, chained residual pooling, 1x1 convolution, bilinear
    resizing to the next group's size, sum with that group. There is no normalisation and no bias. For MobileNet-v2 the
    groups are those of the paper: {160, 320}, {64, 96}, {32}, {24}. Features of a single stride (a plain ViT) form one
    group.

    Args:
        in_channels: Channels of the features, finest first (set by the model).
        in_strides: Strides of the features in ascending order (set by the model).
        channels: Channels of the decoder.
        crp_stages: Stages of each chained residual pooling.
        depthwise_finest: Whether the convolutions of the finest block are depthwise, as in the paper.
        groups: Indices of the features in each group, finest group first; by default features of equal stride.
        init_cfg: As in mmengine's `BaseModule`.

    Attributes:
        out_channels: Channels of the output, a tuple of one.
        out_strides: Stride of the output, a tuple of one.

    Raises:
        ValueError: `groups` does not contain each feature exactly once.
    """

    def __init__(
        self,
        in_channels: Sequence[int],
        in_strides: Sequence[int],
        channels: int = 256,
        crp_stages: int = 4,
        depthwise_finest: bool = True,
        groups: Sequence[Sequence[int]] | None = None,
        init_cfg: dict | None = None,
    ):
        super().__init__(init_cfg)
        if groups is None:
            groups = [list(same) for _, same in groupby(range(len(in_strides)), key=lambda i: in_strides[i])]
        _check_groups(groups, len(in_channels))
        self.groups = [list(group) for group in groups]
        self.lateral = nn.ModuleList(nn.Conv2d(width, channels, 1, bias=False) for width in in_channels)
        finest = {0} if depthwise_finest else set()
        self.crp = nn.ModuleList(
            ChainedResidualPooling(channels, crp_stages, depthwise=i in finest) for i in range(len(self.groups))
        )
        self.adapt = nn.ModuleList(nn.Conv2d(channels, channels, 1, bias=False) for _ in self.groups[1:])
        self.out_channels = (channels,)
        self.out_strides = (min(in_strides),)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                init_decoder_conv(module)

    def forward(self, features: Sequence[Tensor]) -> list[Tensor]:
        """One map (N, channels, H, W) at the finest stride, as a list."""
        return [self._level(0, features, self.coarser(features))]

    def coarser(self, features: Sequence[Tensor]) -> Tensor | None:
        """The map that the finest group receives from the coarser groups; None if it is the only group."""
        x = None
        for level in reversed(range(1, len(self.groups))):
            x = self._level(level, features, x)
        return x

    def _level(self, level, features, x):
        members = [self.lateral[i](features[i]) for i in reversed(self.groups[level])]
        total = members[0]
        for member in members[1:]:
            total = total + member
        if x is not None:
            x = self.adapt[level](x)  # adapt[i] connects group i + 1 to group i
            total = total + F.interpolate(x, total.shape[-2:], mode="bilinear", align_corners=False)
        return self.crp[level](total)


def _check_groups(groups, num_features):
    named = [i for group in groups for i in group]
    if sorted(named) != list(range(num_features)):
        raise ValueError(
            f"neck.groups={[list(group) for group in groups]} must contain each of the {num_features} features of "
            f"the backbone (0 ... {num_features - 1}, finest first) exactly once."
        )
