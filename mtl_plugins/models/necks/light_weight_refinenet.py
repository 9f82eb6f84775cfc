from collections.abc import Sequence
from itertools import groupby

import torch.nn.functional as F
from mmengine.model import BaseModule
from torch import Tensor, nn

from mtl_plugins.registry import MODELS

from ..decoder_init import init_decoder_conv
from .crp import ChainedResidualPooling


@MODELS.register_module()
class LightWeightRefineNet(BaseModule):
    """Light-Weight RefineNet decoder (Nekrasov et al., BMVC 2018; as in HydraNet, arXiv 1809.04766).

    The features of one stride form a group; each is brought to ``channels`` by a 1x1 convolution and the group is
    summed. From the coarsest group to the finest: ReLU6, chained residual pooling, 1x1 convolution, bilinear to the
    next group's size, added to it. No normalisation, no bias. For MobileNet-v2 the groups are the paper's:
    {160, 320}, {64, 96}, {32}, {24}. Features of a single stride (a plain ViT) make one group.

    Args:
        in_channels: Channels of the features, finest first.
        in_strides: Their strides, in the same order (not falling).
        channels: Width of the decoder.
        crp_stages: Pooling stages of each block.
        depthwise_finest: Whether the finest block's convolutions are depthwise (the paper's are).
        groups: Indices of the features of each group, finest group first; ``None``: by equal stride.

    ``forward`` takes the list of features and gives ``[x]`` at the finest stride; ``out_channels`` and
    ``out_strides`` tell its width and stride.
    """

    def __init__(
        self,
        in_channels: Sequence[int],
        in_strides: Sequence[int],
        channels: int = 256,
        crp_stages: int = 4,
        depthwise_finest: bool = True,
        groups: Sequence[Sequence[int]] | None = None,
        init_cfg=None,
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
        return [self._level(0, features, self.coarser(features))]

    def coarser(self, features: Sequence[Tensor]) -> Tensor | None:
        """What the finest group is given of the others; ``None`` where it is the only one."""
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
            x = self.adapt[level](x)  # adapt[i] leads from group i + 1 to group i
            total = total + F.interpolate(x, total.shape[-2:], mode="bilinear", align_corners=False)
        return self.crp[level](total)


def _check_groups(groups, num_features):
    named = [i for group in groups for i in group]
    if sorted(named) != list(range(num_features)):
        raise ValueError(
            f"neck.groups={[list(group) for group in groups]} must name each of the {num_features} features of the "
            f"backbone (0 ... {num_features - 1}, finest first) exactly once."
        )
