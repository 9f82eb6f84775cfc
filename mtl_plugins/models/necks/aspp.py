from collections.abc import Sequence

from mmengine.model import BaseModule
from torch import Tensor, nn
from torchvision.models.segmentation.deeplabv3 import ASPP as Pyramid
from torchvision.ops import Conv2dNormActivation

from mtl_plugins.registry import MODELS

from .check_pooled_norm import check_pooled_norm


@MODELS.register_module()
class ASPP(BaseModule):
    """Atrous spatial pyramid pooling of the coarsest feature: DeepLabv3 without its classifier (arXiv 1706.05587).

    Its branches are a 1x1 convolution, one dilated 3x3 convolution for each of `dilations`, and the mean over the
    image, all with batch norm and ReLU. They are concatenated and projected to `channels` by a 1x1 convolution with
    batch norm, ReLU and dropout. A 3x3 convolution with batch norm and ReLU follows. Other features are not read.

    As the `decoder` of a head, this is the DeepLab head of Vandenhende et al., Multi-Task Learning for Dense Prediction
    Tasks: A Survey, 2021. Their ResNet-50 has dilated convolutions instead of strides (`output_stride=8`).

    Args:
        in_channels: Channels of the features, finest first (set by the model).
        in_strides: Strides of the features (set by the model).
        channels: Channels of each branch and of the output.
        dilations: Dilations of the 3x3 branches. The default is for stride 8; use half of it for stride 16.
        dropout: Probability that a value of the projection is set to 0 in training.
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
        dilations: Sequence[int] = (12, 24, 36),
        dropout: float = 0.5,
        init_cfg: dict | None = None,
    ):
        super().__init__(init_cfg)
        self.pyramid = Pyramid(in_channels[-1], list(dilations), channels)
        self.pyramid.project[-1] = nn.Dropout(dropout)
        self.conv = Conv2dNormActivation(channels, channels)
        self.out_channels = (channels,)
        self.out_strides = (in_strides[-1],)

    def forward(self, features: Sequence[Tensor]) -> list[Tensor]:
        """One map (N, channels, H, W) at the coarsest stride, as a list."""
        x = features[-1]
        check_pooled_norm("ASPP", self.pyramid.convs[-1][2], x)
        return [self.conv(self.pyramid(x))]
