from collections.abc import Sequence
from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn
from torchvision.ops import Conv2dNormActivation

from mtl_plugins.registry import MODELS

from .segmentation_head import SegmentationHead


@MODELS.register_module()
class DeepLabV3PlusHead(SegmentationHead):
    """Classifier of DeepLabV3+: two 3x3 convolutions with batch norm and ReLU, then 1x1 (arXiv 1812.01593).

    Logits (N, num_classes, h, w) are resized as in the published network: bilinear, `align_corners=True`.

    Args:
        in_channels: Channels of the neck's features, finest first (set by the model).
        in_strides: Strides of the neck's features (set by the model).
        channels: Channels of the 3x3 convolutions.
        **kwargs: As for `SegmentationHead`.
    """

    def __init__(self, in_channels: Sequence[int], in_strides: Sequence[int], *, channels: int = 256, **kwargs: Any):
        super().__init__(in_channels, in_strides, **kwargs)
        self.pre = nn.Sequential(
            Conv2dNormActivation(self.width, channels),
            Conv2dNormActivation(channels, channels),
        )
        self.out = nn.Conv2d(channels, self.out_channels, 1, bias=False)

    def forward(self, features: Sequence[Tensor]) -> Tensor:
        return self.out(self.pre(self.read(features)))

    @staticmethod
    def resize(outputs: Tensor, size: Sequence[int], mode: str = "bilinear") -> Tensor:
        return F.interpolate(outputs, tuple(size), mode=mode, align_corners=True)
