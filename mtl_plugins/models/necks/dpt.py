from collections.abc import Sequence

import torch.nn.functional as F
from mmengine.model import BaseModule
from segmentation_models_pytorch.decoders.dpt.decoder import ReassembleBlock, ResidualConvBlock
from torch import Tensor, nn

from mtl_plugins.registry import MODELS

from .simple_feature_pyramid import divide_stride


@MODELS.register_module()
class DPT(BaseModule):
    """Dense prediction transformer (Ranftl et al., ICCV 2021, arXiv 2103.13413) over the features of any ViT of timm.

    Each feature is projected and resized, so that each has twice the stride of the one before ("reassemble"). Fusion
    blocks go from the coarsest to the finest: two residual convolution units with batch norm, and bilinear resizing
    with aligned corners to the next size. The last block doubles the size once more, so for patches of 16 pixels the
    output has stride 2. The readout token is ignored.

    `SMPDecoder(arch="DPT")` is smp's version. This one also works with other patch sizes than 16 (DINOv2's 14) and
    with odd numbers of patches.

    Args:
        in_channels: Channels of the features, first layer first (set by the model).
        in_strides: Strides of the features (set by the model): all equal for a plain ViT.
        channels: Channels of the fusion blocks and of the output.
        reassemble_channels: Channels of each projected feature. By default those of the paper's base network, relative
            to the width of the ViT: an eighth, a quarter, a half, and the width.
        double_last: Whether the last block doubles the size.
        init_cfg: As in mmengine's `BaseModule`.

    Attributes:
        out_channels: Channels of the output, a tuple of one.
        out_strides: Stride of the output, a tuple of one. It is a fraction for a patch size such as 14.

    Raises:
        ValueError: `reassemble_channels` has another length than the features, or the strides cannot be resized.
    """

    def __init__(
        self,
        in_channels: Sequence[int],
        in_strides: Sequence[int],
        channels: int = 256,
        reassemble_channels: Sequence[int] | None = None,
        double_last: bool = True,
        init_cfg: dict | None = None,
    ):
        super().__init__(init_cfg)
        number = len(in_channels)
        if reassemble_channels is None:
            halvings = range(number - 1, -1, -1)
            reassemble_channels = [max(1, width >> n) for width, n in zip(in_channels, halvings, strict=True)]
        if len(reassemble_channels) != number:
            raise ValueError(
                f"DPT.reassemble_channels={list(reassemble_channels)} needs one entry for each of {number} features."
            )
        plain = len(set(in_strides)) == 1
        base = divide_stride(in_strides[0], 4 if plain else 1)
        factors = [stride / (base * 2**i) for i, stride in enumerate(in_strides)]
        if any(max(factor, 1 / factor) % 1 for factor in factors):
            raise ValueError(
                f"DPT resizes its features to strides that double, beginning with {base}, which is not possible for "
                f"strides {', '.join(map(str, in_strides))}. Choose other stages with model.backbone.out_features."
            )
        self.reassemble = nn.ModuleList(
            ReassembleBlock(width, middle, channels, factor)
            for width, middle, factor in zip(in_channels, reassemble_channels, factors, strict=True)
        )
        # the coarsest block has nothing to add, and so only one residual unit
        self.lateral = nn.ModuleList(ResidualConvBlock(channels) for _ in range(number - 1))
        self.fused = nn.ModuleList(ResidualConvBlock(channels) for _ in range(number))
        self.project = nn.ModuleList(nn.Conv2d(channels, channels, 1) for _ in range(number))
        self.double_last = double_last
        self.out_channels = (channels,)
        self.out_strides = (divide_stride(base, 2 if double_last else 1),)

    def forward(self, features: Sequence[Tensor]) -> list[Tensor]:
        """One map (N, channels, H, W), as a list."""
        levels = [block(x) for block, x in zip(self.reassemble, features, strict=True)]
        x = levels[-1]
        for i in reversed(range(len(levels))):
            if i < len(levels) - 1:
                x = self.lateral[i](levels[i]) + _resize(x, levels[i].shape[-2:])
            # the projection and the resizing can be exchanged: the weights of bilinear resizing add up to 1
            x = self.project[i](self.fused[i](x))
        return [_resize(x, [2 * n for n in x.shape[-2:]]) if self.double_last else x]


def _resize(x, size):
    return F.interpolate(x, tuple(size), mode="bilinear", align_corners=True)
