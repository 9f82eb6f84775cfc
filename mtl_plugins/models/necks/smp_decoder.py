from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import torch
import torch.nn.functional as F
from mmengine.model import BaseModule
from segmentation_models_pytorch.base.initialization import initialize_decoder
from torch import Tensor

from mtl_plugins.registry import MODELS

from .check_pooled_norm import check_pooled_norm
from .smp_architectures import ARCHITECTURES, Architecture, find_architecture


@MODELS.register_module()
class SMPDecoder(BaseModule):
    """A decoder of segmentation-models-pytorch, for any backbone and images of any size.

    Of several features with the same stride, the last one is read (`DPT` reads all). Features are padded at the right
    and the bottom where a decoder needs even sizes, and the output is cropped. The output has the stride of the finest
    feature, with these exceptions: the coarsest for `PSPNet` and `DeepLabV3`, the fourth coarsest for `FPN` and `PAN`,
    2 for `DPT`. So `Unet`, `UnetPlusPlus`, `MAnet` and `Linknet` end at the finest feature, and not at the size of the
    image as smp's complete networks do.

    | arch | features that it needs |
    |---|---|
    | `Unet`, `UnetPlusPlus`, `MAnet`, `Linknet` | strides that double, such as 4, 8, 16, 32 |
    | `FPN` | at least four strides that double |
    | `DeepLabV3Plus`, `PAN` | two or more strides |
    | `UPerNet`, `Segformer` | any strides |
    | `DeepLabV3`, `PSPNet` | any strides; only the coarsest feature is read |
    | `DPT` | stride 16 (plain ViT), or strides that double from 4 |

    Args:
        in_channels: Channels of the features, finest first (set by the model).
        in_strides: Strides of the features (set by the model).
        arch: Name of the decoder; see the table.
        init_cfg: As in mmengine's `BaseModule`.
        **options: Options of smp's decoder class, such as `decoder_channels`.

    Attributes:
        out_channels: Channels of the output, a tuple of one.
        out_strides: Stride of the output, a tuple of one.

    Raises:
        ValueError: Unknown architecture or option, the features do not fit, or, in `forward`, a training batch of one
            image for a decoder that normalises the mean over the image.
    """

    def __init__(
        self,
        in_channels: Sequence[int],
        in_strides: Sequence[int],
        arch: str,
        init_cfg: dict | None = None,
        **options: Any,
    ):
        super().__init__(init_cfg)
        found = find_architecture(arch)
        self.arch = arch
        _check_options(arch, found, options)
        last = {stride: i for i, stride in enumerate(in_strides)}
        self.indices = list(range(len(in_strides))) if found.every_feature else list(last.values())
        channels, strides = [in_channels[i] for i in self.indices], [in_strides[i] for i in self.indices]
        _check_strides(arch, found, strides)
        try:
            built = found.build(channels, strides, dict(options))
        except ValueError as error:
            raise ValueError(f"SMPDecoder(arch={arch!r}): {error}") from error
        self.decoder, self.strides = built.decoder, strides
        initialize_decoder(self.decoder)
        self.pooled_norm = built.pooled_norm
        self.out_channels = (built.channels,)
        self.out_strides = (built.stride,)
        self._unit = max(strides[-1], 2 ** (len(strides) + 1)) if found.every_feature else strides[-1]

    def forward(self, features: Sequence[Tensor]) -> list[Tensor]:
        """One map (N, out_channels[0], H, W), as a list."""
        found = find_architecture(self.arch)
        chosen = [features[i] for i in self.indices]
        if self.pooled_norm:
            check_pooled_norm(
                f"SMPDecoder(arch={self.arch!r})", self.decoder.get_submodule(self.pooled_norm), chosen[0]
            )
        if not found.even:
            return [found.run(self.decoder, chosen)]
        # the finest feature is the one that shows the size of the image best
        size = [_divide(n * self.strides[0], self.out_strides[0]) for n in chosen[0].shape[-2:]]
        output = found.run(self.decoder, self._pad(chosen, found.coarsest_size))
        return [output[..., : size[0], : size[1]]]

    def _pad(self, features, coarsest):
        """Features whose sizes have the ratios of their strides."""
        units = [max(_divide(n * self.strides[-1], self._unit), coarsest) for n in features[-1].shape[-2:]]
        padded = []
        for x, stride in zip(features, self.strides, strict=True):
            down, right = (unit * (self._unit // stride) - n for unit, n in zip(units, x.shape[-2:], strict=True))
            keep = not torch.compiler.is_exporting() and not down and not right
            # a graph for dynamic sizes cannot depend on whether padding is needed
            padded.append(x if keep else F.pad(x, (0, right, 0, down)))
        return padded


def _divide(length: int, divisor: int) -> int:
    """The quotient, rounded up; `-(-length // divisor)` would be rounded down in ONNX."""
    return (length + divisor - 1) // divisor


def _check_options(arch: str, found: Architecture, options: dict[str, Any]) -> None:
    if unknown := sorted(set(options) - set(found.options)):
        raise ValueError(
            f"SMPDecoder(arch={arch!r}) has no option {', '.join(unknown)}. Options of {found.module.__name__}: "
            f"{', '.join(found.options)}."
        )


def _check_strides(arch: str, found: Architecture, strides: Sequence[int]) -> None:
    doubling = all(coarse == 2 * fine for fine, coarse in pairwise(strides))
    if len(strides) >= found.fewest and (doubling or not found.halving):
        return
    any_strides = [name for name, other in ARCHITECTURES.items() if other.fewest == 1 and not other.every_feature]
    needed = f"at least {found.fewest} strides" + (
        ", each twice the previous one, such as 4, 8, 16, 32" if found.halving else ""
    )
    raise ValueError(
        f"SMPDecoder(arch={arch!r}) needs features of {needed}, but the backbone (or neck) provides stride"
        f"{'s' * (len(strides) > 1)} {', '.join(map(str, strides))}. Set other stages (model.backbone.out_features), "
        f"put neck=dict(type='SimpleFeaturePyramid') behind a plain ViT, or choose from the decoders that read any "
        f"strides: {', '.join(any_strides)}."
    )
