from collections.abc import Sequence
from fractions import Fraction

from mmengine.model import BaseModule
from timm.layers import LayerNorm2d
from torch import Tensor, nn

from mtl_plugins.registry import MODELS


@MODELS.register_module()
class SimpleFeaturePyramid(BaseModule):
    """Features of several strides from the last feature of a plain ViT (Li et al., ViTDet, ECCV 2022).

    For each scale, the map is resized by transposed convolutions or max-pooling, projected by a 1x1 convolution and
    smoothed by a 3x3 convolution, both with layer norm over the channels.

    Args:
        in_channels: Channels of the features, finest first (set by the model). Only the last feature is read.
        in_strides: Strides of the features (set by the model).
        channels: Channels of each output.
        scales: Factors of the outputs' size, finest first; each is 4, 2, 1 or 0.5. The default turns stride 16 into
            strides 4, 8, 16 and 32.
        init_cfg: As in mmengine's `BaseModule`.

    Attributes:
        out_channels: Channels of the outputs.
        out_strides: Strides of the outputs. They are fractions for a ViT whose patch size is not a multiple of 4: 3.5,
            7, 14 and 28 for 14.

    Raises:
        ValueError: A scale is not supported.
    """

    def __init__(
        self,
        in_channels: Sequence[int],
        in_strides: Sequence[int],
        channels: int = 256,
        scales: Sequence[float] = (4, 2, 1, 0.5),
        init_cfg: dict | None = None,
    ):
        super().__init__(init_cfg)
        width = in_channels[-1]
        if not scales or not set(scales) <= {4, 2, 1, 0.5} or list(scales) != sorted(set(scales), reverse=True):
            raise ValueError(
                f"SimpleFeaturePyramid.scales={list(scales)} must be some of 4, 2, 1 and 0.5, in this order."
            )
        self.levels = nn.ModuleList(_level(width, channels, scale) for scale in scales)
        self.out_channels = (channels,) * len(scales)
        self.out_strides = tuple(divide_stride(in_strides[-1], scale) for scale in scales)

    def forward(self, features: Sequence[Tensor]) -> list[Tensor]:
        """Maps (N, channels, H * scale, W * scale), finest first."""
        return [level(features[-1]) for level in self.levels]


def divide_stride(stride: int, scale: float) -> int:
    """The stride of a map that is enlarged by `scale`: an integer, or a float if it is not one."""
    divided = Fraction(stride) / Fraction(scale)
    return int(divided) if divided.denominator == 1 else float(divided)  # type: ignore[return-value]


def _level(width, channels, scale):
    resize: list[nn.Module] = []
    half, quarter = max(1, width // 2), max(1, width // 4)
    if scale == 4:
        resize = [
            nn.ConvTranspose2d(width, half, 2, 2),
            LayerNorm2d(half),
            nn.GELU(),
            nn.ConvTranspose2d(half, quarter, 2, 2),
        ]
        width = quarter
    if scale == 2:
        resize = [nn.ConvTranspose2d(width, half, 2, 2)]
        width = half
    if scale == 0.5:
        resize = [nn.MaxPool2d(2, 2, ceil_mode=True)]
    return nn.Sequential(
        *resize,
        nn.Conv2d(width, channels, 1, bias=False),
        LayerNorm2d(channels),
        nn.Conv2d(channels, channels, 3, padding=1, bias=False),
        LayerNorm2d(channels),
    )
