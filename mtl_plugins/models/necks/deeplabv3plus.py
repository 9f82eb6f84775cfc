from collections.abc import Sequence

import torch
import torch.nn.functional as F
from mmengine.model import BaseModule
from torch import Tensor, nn
from torchvision.ops import Conv2dNormActivation

from mtl_plugins.registry import MODELS

from .check_pooled_norm import check_pooled_norm


@MODELS.register_module()
class DeepLabV3Plus(BaseModule):
    """DeepLabV3+ decoder (Chen et al., ECCV 2018), as in Zhu et al., CVPR 2019 (arXiv 1812.01593).

    Atrous spatial pyramid pooling reads the coarsest feature. Its branches are the mean over the image, a 1x1
    convolution and one dilated 3x3 convolution for each of `dilations`, all with batch norm and ReLU. They are
    concatenated and projected to `channels` by a 1x1 convolution, and resized to the finest feature (bilinear,
    `align_corners=True`). The output concatenates the finest feature, projected to `fine_channels`, and this map. Other
    features are not read.

    Args:
        in_channels: Channels of the features, finest first (set by the model).
        in_strides: Strides of the features (set by the model).
        channels: Channels of each branch of the pyramid and of their projection.
        fine_channels: Channels of the projection of the finest feature.
        dilations: Dilations of the 3x3 branches. The default is for stride 8; use half of it for stride 16.
        init_cfg: As in mmengine's `BaseModule`.

    Attributes:
        out_channels: Channels of the output, a tuple of one.
        out_strides: Stride of the output, a tuple of one.

    Raises:
        ValueError: In `forward`: a training batch of one image.
    """

    def __init__(
        self,
        in_channels: Sequence[int],
        in_strides: Sequence[int],
        channels: int = 256,
        fine_channels: int = 48,
        dilations: Sequence[int] = (12, 24, 36),
        init_cfg: dict | None = None,
    ):
        super().__init__(init_cfg)
        fine, coarse = in_channels[0], in_channels[-1]
        self.pooled = Conv2dNormActivation(coarse, channels, 1)
        self.branches = nn.ModuleList(
            [
                Conv2dNormActivation(coarse, channels, 1),
                *(Conv2dNormActivation(coarse, channels, 3, dilation=dilation) for dilation in dilations),
            ]
        )
        self.project = nn.Conv2d(channels * (2 + len(dilations)), channels, 1, bias=False)
        self.fine = nn.Conv2d(fine, fine_channels, 1, bias=False)
        self.out_channels = (fine_channels + channels,)
        self.out_strides = (in_strides[0],)

    def forward(self, features: Sequence[Tensor]) -> list[Tensor]:
        """One map (N, fine_channels + channels, H, W) at the finest stride, as a list."""
        fine, coarse = features[0], features[-1]
        x = self.project(torch.cat([self._mean(coarse), *(branch(coarse) for branch in self.branches)], dim=1))
        x = F.interpolate(x, fine.shape[-2:], mode="bilinear", align_corners=True)
        return [torch.cat([self.fine(fine), x], dim=1)]

    def _mean(self, x):
        check_pooled_norm("DeepLabV3Plus", self.pooled[1], x)
        return self.pooled(x.mean((2, 3), keepdim=True)).expand(-1, -1, *x.shape[-2:])
