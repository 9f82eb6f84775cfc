from collections.abc import Sequence

import torch
import torch.nn.functional as F
from mmengine.model import BaseModule
from torch import Tensor
from torchvision.ops import Conv2dNormActivation

from mtl_plugins.registry import MODELS


@MODELS.register_module()
class ConcatFeatures(BaseModule):
    """All features at the finest stride, concatenated: the decoder of HRNetV2 (Wang et al., arXiv 1908.07919).

    Coarser features are resized bilinearly. A 1x1 convolution with batch norm and ReLU follows.

    Args:
        in_channels: Channels of the features, finest first (set by the model).
        in_strides: Strides of the features (set by the model).
        channels: Channels of the output; by default the sum of `in_channels`, as in HRNetV2.
        init_cfg: As in mmengine's `BaseModule`.

    Attributes:
        out_channels: Channels of the output, a tuple of one.
        out_strides: Stride of the output, a tuple of one.
    """

    def __init__(
        self,
        in_channels: Sequence[int],
        in_strides: Sequence[int],
        channels: int | None = None,
        init_cfg: dict | None = None,
    ):
        super().__init__(init_cfg)
        width = sum(in_channels)
        self.fuse = Conv2dNormActivation(width, channels or width, 1)
        self.out_channels = (channels or width,)
        self.out_strides = (in_strides[0],)

    def forward(self, features: Sequence[Tensor]) -> list[Tensor]:
        """One map (N, channels, H, W) at the finest stride, as a list."""
        size = features[0].shape[-2:]
        resized = [F.interpolate(x, size, mode="bilinear", align_corners=False) for x in features[1:]]
        return [self.fuse(torch.cat([features[0], *resized], dim=1))]
