"""The decoders of segmentation-models-pytorch: how each is built, and which features it reads."""

import inspect
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from segmentation_models_pytorch.decoders.deeplabv3.decoder import DeepLabV3Decoder, DeepLabV3PlusDecoder
from segmentation_models_pytorch.decoders.dpt.decoder import DPTDecoder
from segmentation_models_pytorch.decoders.fpn.decoder import FPNDecoder
from segmentation_models_pytorch.decoders.linknet.decoder import LinknetDecoder
from segmentation_models_pytorch.decoders.manet.decoder import MAnetDecoder
from segmentation_models_pytorch.decoders.pan.decoder import PANDecoder
from segmentation_models_pytorch.decoders.pspnet.decoder import PSPDecoder
from segmentation_models_pytorch.decoders.segformer.decoder import SegformerDecoder
from segmentation_models_pytorch.decoders.unet.decoder import UnetDecoder
from segmentation_models_pytorch.decoders.unetplusplus.decoder import UnetPlusPlusDecoder
from segmentation_models_pytorch.decoders.upernet.decoder import UPerNetDecoder
from torch import Tensor, nn

from mtl_plugins.did_you_mean import did_you_mean

_UNET_WIDTHS = (256, 128, 64, 32, 16)  # smp's default, coarsest first
_DPT_WIDTHS = (256, 512, 1024, 1024)  # smp's default


class Built(NamedTuple):
    """A decoder and what it computes.

    Attributes:
        decoder: smp's module.
        channels: Channels of its output.
        stride: Stride of its output.
        pooled_norm: Name of the batch norm that normalises the mean over the image; empty if there is none.
    """

    decoder: nn.Module
    channels: int
    stride: int
    pooled_norm: str = ""


class Architecture(NamedTuple):
    """A decoder of smp.

    Attributes:
        module: smp's class.
        build: Makes it from the channels and strides of the features and the options of the user.
        run: Calls it with the features, finest first.
        options: The options of smp's class that a config may set.
        halving: Whether the strides must double from each feature to the next.
        even: Whether the sizes of the features must have the ratios of their strides; others are padded.
        fewest: Smallest number of features with different strides.
        every_feature: Whether it reads all features; otherwise the last one of each stride.
        coarsest_size: Smallest height and width of the coarsest feature; smaller ones are padded.
    """

    module: type[nn.Module]
    build: Callable[[Sequence[int], Sequence[int], dict[str, Any]], Built]
    run: Callable[[nn.Module, list[Tensor]], Tensor]
    options: tuple[str, ...]
    halving: bool = False
    even: bool = False
    fewest: int = 1
    every_feature: bool = False
    coarsest_size: int = 1


# smp's decoders expect the image and a feature at stride 2 in front. Decoders that skip them get two placeholders;
# the U-shaped ones start at the finest given feature, so that they end at its stride.


def _after_image(decoder, features):
    number, _, height, width = features[0].shape
    image = features[0].new_empty(number, 0, 4 * height, 4 * width)  # only its size is read
    return decoder([image, *features])


def _after_two(decoder, features):
    return decoder([features[0], features[0], *features])


def _direct(decoder, features):
    return decoder(features)


def _unet(module):
    def build(channels, strides, options):
        widths = _unet_widths(channels, strides, options)
        decoder = module(encoder_channels=(0, *channels), decoder_channels=widths, n_blocks=len(widths), **options)
        return Built(decoder, widths[-1], strides[0])

    return build


def _unet_plus_plus(channels, strides, options):
    widths = _unet_widths(channels, strides, options)
    full = (*widths, widths[-1])
    decoder = UnetPlusPlusDecoder((0, *channels), decoder_channels=full, n_blocks=len(full), **options)
    blocks: Any = decoder.blocks
    blocks[f"x_0_{len(widths)}"] = nn.Identity()  # the last step of smp, which doubles the size without a feature
    return Built(decoder, widths[-1], strides[0])


def _unet_widths(channels, strides, options):
    steps = len(channels) - 1
    widths = tuple(options.pop("decoder_channels", _UNET_WIDTHS[:steps]))
    if len(widths) != steps:
        raise ValueError(
            f"decoder_channels={list(widths)} needs one entry for each of the {steps} steps from stride {strides[-1]} "
            f"to stride {strides[0]}, coarsest first."
        )
    return widths


def _linknet(channels, strides, options):
    decoder = LinknetDecoder(encoder_channels=[0, *channels], n_blocks=len(channels) - 1, **options)
    return Built(decoder, channels[0], strides[0])


def _fpn(channels, strides, options):
    decoder = FPNDecoder(encoder_channels=list(channels), **options)
    return Built(decoder, decoder.out_channels, strides[-4])


def _pspnet(channels, strides, options):
    if channels[-1] % 4:
        raise ValueError(f"its coarsest feature must have a multiple of 4 channels, not {channels[-1]}.")
    options.setdefault("out_channels", 512)
    return Built(PSPDecoder(encoder_channels=list(channels), **options), options["out_channels"], strides[-1])


def _pan(channels, strides, options):
    options.setdefault("decoder_channels", 32)
    channels, strides = channels[-4:], strides[-4:]
    decoder = PANDecoder(encoder_channels=[0, 0, *channels], encoder_depth=len(channels) + 1, **options)
    return Built(decoder, options["decoder_channels"], strides[0], "fpa.branch1.1.bn")


def _deeplab_options(options, separable):
    return {
        "out_channels": 256,
        "atrous_rates": (12, 24, 36),
        "aspp_separable": separable,
        "aspp_dropout": 0.5,
        **options,
    }


def _deeplabv3(channels, strides, options):
    options = _deeplab_options(options, separable=False)
    decoder = DeepLabV3Decoder(in_channels=channels[-1], **options)
    return Built(decoder, options["out_channels"], strides[-1], "aspp.convs.4.2")


def _deeplabv3plus(channels, strides, options):
    options = _deeplab_options(options, separable=True)
    encoder_channels = (0, 0, channels[0], channels[-1])
    decoder = DeepLabV3PlusDecoder(encoder_channels, encoder_depth=5, output_stride=16, **options)
    decoder.up = nn.Upsample(scale_factor=strides[-1] // strides[0], mode="bilinear", align_corners=True)
    return Built(decoder, options["out_channels"], strides[0], "aspp.0.convs.4.2")


def _upernet(channels, strides, options):
    options.setdefault("decoder_channels", 256)
    decoder = UPerNetDecoder(encoder_channels=[0, 0, *channels], **options)
    return Built(decoder, options["decoder_channels"], strides[0], "psp.blocks.0.1.1")


def _segformer(channels, strides, options):
    options.setdefault("segmentation_channels", 256)
    decoder = SegformerDecoder(encoder_channels=[0, *channels], **options)
    return Built(decoder, options["segmentation_channels"], strides[0])


def _dpt(channels, strides, options):
    for i, stride in enumerate(strides):
        ratio = stride / 2 ** (i + 2)
        if max(ratio, 1 / ratio) % 1:
            raise ValueError(
                f"it resizes feature {i} from stride {stride} to stride {2 ** (i + 2)}, which is not possible. The "
                "neck DPT of this package reads features of any stride."
            )
    options.setdefault("fusion_channels", 256)
    options.setdefault("intermediate_channels", _DPT_WIDTHS[: len(channels)])
    decoder = DPTDecoder(
        encoder_out_channels=channels,
        encoder_output_strides=strides,
        encoder_has_prefix_tokens=False,
        readout="ignore",
        **options,
    )
    return Built(decoder, options["fusion_channels"], 2)


def _run_pan(decoder, features):
    return _after_two(decoder, features[-4:])


def _run_deeplabv3plus(decoder, features):
    return _after_two(decoder, [features[0], features[-1]])


def _run_dpt(decoder, features):
    return decoder(features, [None] * len(features))


_SET_HERE = {  # arguments that follow from the features
    "self", "encoder_channels", "encoder_depth", "n_blocks", "in_channels", "output_stride", "prefinal_channels",
    "encoder_out_channels", "encoder_output_strides", "encoder_has_prefix_tokens", "readout",
}  # fmt: skip


def _architecture(module, build, run, **needs):
    options = tuple(name for name in inspect.signature(module.__init__).parameters if name not in _SET_HERE)
    return Architecture(module, build, run, options, **needs)


_U_SHAPED: dict[str, Any] = dict(halving=True, even=True, fewest=2)

ARCHITECTURES = {
    "Unet": _architecture(UnetDecoder, _unet(UnetDecoder), _after_image, **_U_SHAPED),
    "UnetPlusPlus": _architecture(UnetPlusPlusDecoder, _unet_plus_plus, _after_image, **_U_SHAPED),
    "MAnet": _architecture(MAnetDecoder, _unet(MAnetDecoder), _after_image, **_U_SHAPED),
    "Linknet": _architecture(LinknetDecoder, _linknet, _after_image, **_U_SHAPED),
    "FPN": _architecture(FPNDecoder, _fpn, _direct, halving=True, even=True, fewest=4),
    "PSPNet": _architecture(PSPDecoder, _pspnet, _direct),
    "PAN": _architecture(PANDecoder, _pan, _run_pan, even=True, fewest=2, coarsest_size=8),
    "DeepLabV3": _architecture(DeepLabV3Decoder, _deeplabv3, _direct),
    "DeepLabV3Plus": _architecture(DeepLabV3PlusDecoder, _deeplabv3plus, _run_deeplabv3plus, even=True, fewest=2),
    "UPerNet": _architecture(UPerNetDecoder, _upernet, _after_two),
    "Segformer": _architecture(SegformerDecoder, _segformer, _after_image),
    "DPT": _architecture(DPTDecoder, _dpt, _run_dpt, even=True, every_feature=True),
}  # fmt: skip


def find_architecture(arch: str) -> Architecture:
    """The decoder called `arch`, in any case.

    Raises:
        ValueError: It does not exist; the message has the nearest names.
    """
    by_name = {name.lower(): found for name, found in ARCHITECTURES.items()}
    if arch.lower() not in by_name:
        hint = did_you_mean(arch, ARCHITECTURES)
        raise ValueError(
            f"SMPDecoder: segmentation-models-pytorch has no decoder {arch!r}{': ' + hint if hint else '. '}"
            f"Choose from: {', '.join(ARCHITECTURES)}."
        )
    return by_name[arch.lower()]
