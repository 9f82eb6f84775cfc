"""Decoders of segmentation-models-pytorch behind any backbone."""

import pytest
import torch

from mtl_plugins.models.necks.smp_architectures import ARCHITECTURES
from mtl_plugins.registry import MODELS

from ..contracts.neck_contract import NeckContract

MOBILENET = dict(in_channels=(8, 12, 16, 24, 20, 32), in_strides=(4, 8, 16, 16, 32, 32))  # as of MobileNet-v2
PLAIN = dict(in_channels=(16,) * 4, in_strides=(16,) * 4)  # as of a plain ViT
# other arguments of smp's classes, from the channels of the features at strides 2, 4, ..., 32
ASPP = dict(atrous_rates=(12, 24, 36), aspp_dropout=0.5)
THEIRS = dict(
    PAN=lambda c: dict(encoder_channels=[3, *c], encoder_depth=5, decoder_channels=32),
    DeepLabV3=lambda c: dict(in_channels=c[-1], aspp_separable=False, **ASPP),
    DeepLabV3Plus=lambda c: dict(
        encoder_channels=[3, *c], encoder_depth=5, output_stride=16, aspp_separable=True, **ASPP
    ),
)
SMALL = dict(  # options that make a decoder narrow
    Unet=dict(decoder_channels=(16, 8, 8)),
    UnetPlusPlus=dict(decoder_channels=(16, 8, 8)),
    MAnet=dict(decoder_channels=(16, 8, 8), pab_channels=4),
    FPN=dict(pyramid_channels=16, segmentation_channels=32),
    PSPNet=dict(out_channels=8),
    DeepLabV3=dict(out_channels=8),
    DeepLabV3Plus=dict(out_channels=8),
    UPerNet=dict(decoder_channels=8),
    Segformer=dict(segmentation_channels=8),
    DPT=dict(fusion_channels=8, intermediate_channels=(8, 8, 8, 8)),
)
# where smp's complete decoder has what ours computes, if that is not its output
INSIDE = dict(Unet="blocks.2", UnetPlusPlus="blocks.x_0_2", MAnet="blocks.2", Linknet="blocks.2")


class TestSMPDecoder(NeckContract):
    config = dict(type="SMPDecoder", arch="UPerNet", decoder_channels=8)

    def check(self, neck, strides):
        assert neck.out_channels == (8,) and neck.out_strides == (strides[0],)


def build(arch, **options):
    torch.manual_seed(0)
    return MODELS.build(
        dict(
            type="SMPDecoder",
            arch=arch,
            **{**(PLAIN if arch == "DPT" else MOBILENET), **SMALL.get(arch, {}), **options},
        )
    )


def features_of(channels, strides, size, n=2):
    generator = torch.Generator().manual_seed(0)
    shapes = [(n, c, *(-(-pixels // s) for pixels in size)) for c, s in zip(channels, strides, strict=True)]
    return [torch.randn(shape, generator=generator) for shape in shapes]


def features(arch, size, n=2):
    sizes = PLAIN if arch == "DPT" else MOBILENET
    return features_of(sizes["in_channels"], sizes["in_strides"], size, n)


@torch.no_grad()
@pytest.mark.parametrize("arch", [arch for arch in ARCHITECTURES if arch != "DPT"])
def test_a_decoder_equals_that_of_smp(arch):
    """smp's reads features from stride 2, ours those from stride 4. `Segformer` has none at stride 2 there."""
    channels, strides = (0 if arch == "Segformer" else 4, 4, 8, 16, 32), (2, 4, 8, 16, 32)
    module, options = ARCHITECTURES[arch].module, dict(SMALL.get(arch, {}))
    if arch in ("Unet", "UnetPlusPlus", "MAnet"):
        options["decoder_channels"] = (*options["decoder_channels"], 8, 8)
    theirs = module(**options, **THEIRS.get(arch, lambda c: dict(encoder_channels=[3, *c]))(channels)).eval()
    ours = build(arch, in_channels=channels[1:], in_strides=strides[1:]).eval()
    if arch == "DeepLabV3Plus":
        theirs.up.scale_factor = 8  # smp has 4, for stride 16
    names = ours.decoder.state_dict().keys()
    ours.decoder.load_state_dict({name: value for name, value in theirs.state_dict().items() if name in names})
    size = (256, 256) if arch == "PAN" else (64, 96)
    given = features_of((3, *channels), (1, *strides), size)
    computed = []
    if arch in INSIDE:
        theirs.get_submodule(INSIDE[arch]).register_forward_hook(lambda *call: computed.append(call[-1]))
    output = theirs(list(given))
    [found] = ours(given[2:])
    assert torch.equal(found, computed[0] if computed else output)
    assert found.shape[1:] == (ours.out_channels[0], *(n // ours.out_strides[0] for n in size))


@pytest.mark.parametrize("size", [(70, 131), (30, 20)])
@pytest.mark.parametrize("arch", ARCHITECTURES)
def test_a_decoder_reads_images_of_any_size(arch, size):
    neck = build(arch).eval()
    given = features(arch, size)
    [output] = neck(given)
    stride = neck.out_strides[0]
    covered = [-(-n // 16) * 16 for n in size] if arch == "DPT" else size
    assert output.shape == (2, neck.out_channels[0], *(-(-n // stride) for n in covered))
    output.square().mean().backward()
    assert output.isfinite().all()
    assert [name for name, p in neck.named_parameters() if p.grad is None or not p.grad.isfinite().all()] == []


def test_an_unknown_decoder_raises_with_the_nearest_names():
    with pytest.raises(ValueError, match=r"no decoder 'UNetPlus': did you mean 'UnetPlusPlus'.*Choose from: Unet, "):
        build("UNetPlus")
    assert build("unet").out_channels == (64,), "the case does not matter"


def test_an_unknown_option_raises():
    with pytest.raises(
        ValueError, match="has no option encoder_depth, widths. Options of UnetDecoder: decoder_channels"
    ):
        build("Unet", widths=3, encoder_depth=4)


def test_widths_of_another_number_of_steps_raise():
    with pytest.raises(
        ValueError, match="one entry for each of the 3 steps from stride 32 to stride 4, coarsest first"
    ):
        build("Unet", decoder_channels=(16, 8))


@pytest.mark.parametrize(
    "arch, strides", [("Unet", (16, 16)), ("FPN", (4, 8, 16)), ("PAN", (8, 8)), ("Linknet", (4, 16))]
)
def test_features_that_do_not_fit_raise(arch, strides):
    message = rf"arch='{arch}'\) needs .*provides strides? {', '.join(map(str, dict.fromkeys(strides)))}\. .*UPerNet"
    with pytest.raises(ValueError, match=message):
        build(arch, in_channels=(8,) * len(strides), in_strides=strides)


def test_smps_dpt_reads_patches_of_16_pixels_only():
    with pytest.raises(ValueError, match="arch='DPT'.*from stride 14 to stride 4.*neck DPT of this package"):
        build("DPT", in_strides=(14,) * 4)


@pytest.mark.parametrize("arch", ["DeepLabV3", "DeepLabV3Plus", "UPerNet", "PAN"])
def test_training_with_a_batch_of_one_raises(arch):
    with pytest.raises(ValueError, match=rf"SMPDecoder\(arch='{arch}'\) cannot train on a batch of one image"):
        build(arch).train()(features(arch, (64, 64), n=1))


@pytest.mark.parametrize("arch", ["UPerNet", "Unet", "FPN"])
def test_a_head_has_its_decoder(arch):
    heads = dict(depth=dict(type="DepthHead", decoder=dict(type="SMPDecoder", arch=arch)))
    backbone = dict(type="TimmBackbone", model_name="test_efficientnet")
    model = MODELS.build(dict(type="MultiTaskModel", backbone=backbone, heads=heads)).eval()
    assert model(torch.randn(1, 3, 45, 70))["depth"].shape == (1, 1, 12, 18)
