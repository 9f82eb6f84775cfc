"""Heads with a decoder, and heads that choose their feature."""

import copy

import pytest
import torch
from mmengine.structures import BaseDataElement, PixelData

from mtl_plugins.models import InferenceNetwork
from mtl_plugins.models.finest_stage import FinestStage
from mtl_plugins.registry import MODELS

from ..contracts.head_contract import HeadContract
from .small_model import small_model

CONCAT = dict(type="ConcatFeatures", channels=8)
PYRAMID = dict(type="ASPP", channels=8, dilations=(2, 3, 4))


class TestSegmentationHeadWithDecoder(HeadContract):
    config = dict(type="SegmentationHead", num_classes=5, decoder=CONCAT)
    raw_channels = 5

    @pytest.fixture
    def head(self):
        return self.build().eval()  # in training mode, batch norm makes a prediction depend on the batch

    def label(self, n, *size):
        return torch.randint(0, 5, (n, 1, *size), dtype=torch.uint8)

    def check_prediction(self, prediction):
        assert prediction.dtype == torch.uint8 and prediction.max() < 5

    def test_the_output_is_a_1x1_convolution_of_the_decoder(self, head):
        features = self.features()
        expected = torch.einsum("oi,nihw->nohw", head.out.weight[:, :, 0, 0], head.decoder(features)[0])
        torch.testing.assert_close(head(features), expected + head.out.bias[:, None, None])
        assert not any(name.startswith("pre") for name in head.state_dict())


HEADS = [
    dict(type="SegmentationHead", num_classes=5),
    dict(type="DepthHead"),
    dict(type="NormalsHead"),
    dict(type="FixedCameraDepthHead", grid=(4, 3)),
    dict(type="DeepLabV3PlusHead", num_classes=5, channels=7),
]
each_head = pytest.mark.parametrize("config", HEADS, ids=lambda config: config["type"])


def build(config, **options):
    torch.manual_seed(0)
    return MODELS.build({**config, "in_channels": (6, 10), "in_strides": (4, 8), **options}).eval()


def features():
    generator = torch.Generator().manual_seed(1)
    return [torch.randn(2, c, *size, generator=generator) for c, size in ((6, (10, 14)), (10, (5, 7)))]


@each_head
def test_every_dense_head_has_a_decoder(config):
    head, given = build(config, decoder=PYRAMID), features()
    assert head.stride == 8 and head.width == 8
    assert torch.equal(head(given), head([given[0] * torch.nan, given[1]])), "the decoder reads the coarsest feature"
    assert head(given).shape == (2, head.out_channels, 5, 7)
    head(given).square().mean().backward()
    assert next(head.decoder.parameters()).grad is not None


@each_head
@pytest.mark.parametrize("index", [1, -1])
def test_a_head_reads_the_feature_of_its_index(config, index):
    head, given = build(config, in_index=index), features()
    assert head.stride == 8 and head.width == 10
    single = build(config, in_channels=(10,), in_strides=(8,))
    assert torch.equal(head(given), single(given[1:]))


def test_a_decoder_reads_the_feature_of_the_index():
    head, given = build(HEADS[0], in_index=0, decoder=PYRAMID), features()
    assert head.stride == 4 and head(given).shape[-2:] == (10, 14)


@pytest.mark.parametrize("index", [2, -3, "finest"])
def test_a_feature_that_does_not_exist_raises(index):
    message = (
        rf"SegmentationHead.in_index={index!r}, but the neck \(or the backbone, without a neck\) provides 2 features "
        r"\(0: 6 channels at stride 4, 1: 10 channels at stride 8\). Choose one"
    )
    with pytest.raises(ValueError, match=message):
        build(HEADS[0], in_index=index)


def mixed_model():
    """A head of the paper's form next to heads with decoders."""
    heads = dict(
        semseg=dict(type="SegmentationHead", num_classes=5, decoder=CONCAT),
        depth=dict(type="DepthHead"),
        normals=dict(type="NormalsHead", decoder=PYRAMID),
    )
    return small_model(heads, neck=dict(type="LightWeightRefineNet", channels=64, crp_stages=1))


@torch.no_grad()
def test_an_inference_network_computes_the_same():
    model, images = mixed_model(), torch.randn(2, 3, 45, 71)
    assert not FinestStage.fits(model)
    for tasks in (None, ["depth"], ["semseg"]):
        for task, output in InferenceNetwork(model, tasks, channel_blocked=True)(images).items():
            torch.testing.assert_close(output, model(images)[task])


def test_a_network_with_decoders_trains_and_is_copied():
    model = mixed_model().train()
    gt = PixelData(
        semseg=torch.ones(1, 32, 48, dtype=torch.uint8), depth=torch.ones(1, 32, 48), normals=torch.ones(3, 32, 48)
    )
    samples = [BaseDataElement(metainfo=dict(img_shape=(32, 48), ori_shape=(32, 48)), gt=gt) for _ in range(2)]
    total, _ = model.parse_losses(model(torch.randn(2, 3, 32, 48), samples, mode="loss"))
    total.backward()
    assert [name for name, p in model.named_parameters() if p.grad is None or not p.grad.isfinite().all()] == []
    copied = copy.deepcopy(model)
    assert copied.heads.semseg.decoder is not model.heads.semseg.decoder
