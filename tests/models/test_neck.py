"""Light-Weight RefineNet: any number of stages, and the size of the published network."""

import pytest
import torch
import torch.nn.functional as F

from mtl_plugins.models.necks import ChainedResidualPooling
from mtl_plugins.registry import MODELS

from ..contracts.neck_contract import NeckContract


def neck_of(channels, strides, **options):
    return MODELS.build(
        dict(type="LightWeightRefineNet", in_channels=channels, in_strides=strides, **{"channels": 8, **options})
    )


def features_of(channels, strides, size, n=1):
    """Random features as from a backbone, for an image of `size`."""
    generator = torch.Generator().manual_seed(0)
    shapes = [(n, c, *(-(-pixels // s) for pixels in size)) for c, s in zip(channels, strides, strict=True)]
    return [torch.randn(shape, generator=generator) for shape in shapes]


class TestLightWeightRefineNet(NeckContract):
    config = dict(type="LightWeightRefineNet", channels=8)

    def check(self, neck, strides):
        assert neck.out_channels == (8,) and neck.out_strides == (strides[0],)
        assert len(neck.groups) == len(set(strides))


def test_groups_of_mobilenetv2_equal_the_papers():
    neck = neck_of((24, 32, 64, 96, 160, 320), (4, 8, 16, 16, 32, 32))
    assert neck.groups == [[0], [1], [2, 3], [4, 5]]


def test_features_of_one_stride_make_one_group():
    neck = neck_of((6, 6, 6), (16, 16, 16))
    assert neck.groups == [[0, 1, 2]] and len(neck.adapt) == 0


def test_custom_groups():
    neck = neck_of((6, 6, 6), (4, 8, 8), groups=[[0], [1], [2]])
    assert len(neck.crp) == 3 and len(neck.adapt) == 2
    features = features_of((6, 6, 6), (4, 8, 8), (32, 48))
    assert neck(features)[0].shape == (1, 8, 8, 12)


@pytest.mark.parametrize("groups", [[[0], [1]], [[0], [1, 2, 2]], [[0, 1, 2, 3]], [[1], [2], [3]], []])
def test_invalid_groups_raise(groups):
    with pytest.raises(ValueError, match=r"must contain each of the 3 features .*0 \.\.\. 2, finest first"):
        neck_of((6, 6, 6), (4, 8, 16), groups=groups)


def test_crp_equals_its_formula():
    torch.manual_seed(0)
    block = ChainedResidualPooling(3, stages=2)
    given = 3 * torch.randn(1, 3, 7, 9)
    x = F.relu6(given)
    padded = F.pad(x, (2, 2, 2, 2), value=-torch.inf)
    pooled = padded.unfold(2, 5, 1).unfold(3, 5, 1).amax((-1, -2))
    first = torch.einsum("oi,nihw->nohw", block.convs[0].weight[:, :, 0, 0], pooled)
    padded = F.pad(first, (2, 2, 2, 2), value=-torch.inf)
    second = torch.einsum(
        "oi,nihw->nohw", block.convs[1].weight[:, :, 0, 0], padded.unfold(2, 5, 1).unfold(3, 5, 1).amax((-1, -2))
    )
    torch.testing.assert_close(block(given), x + first + second)


def test_only_the_finest_block_is_depthwise():
    neck = neck_of((6, 6), (4, 8))
    assert [crp.convs[0].groups for crp in neck.crp] == [8, 1]
    assert [crp.convs[0].groups for crp in neck_of((6, 6), (4, 8), depthwise_finest=False).crp] == [1, 1]


def test_the_decoder_has_neither_bias_nor_normalisation():
    names = [name for name, _ in neck_of((6, 6), (4, 8)).named_parameters()]
    assert names and all(name.endswith(".weight") for name in names)
    assert not list(neck_of((6, 6), (4, 8)).buffers())


@pytest.mark.parametrize("num_classes, parameters", [(40, 3_070_057), (6, 2_991_687)])
def test_the_network_has_the_published_number_of_parameters(num_classes, parameters):
    model = MODELS.build(
        dict(
            type="MultiTaskModel",
            backbone=dict(type="TimmBackbone", model_name="mobilenetv2_hydranet"),
            neck=dict(type="LightWeightRefineNet"),
            heads=dict(semseg=dict(type="SegmentationHead", num_classes=num_classes), depth=dict(type="DepthHead")),
        )
    )
    assert sum(p.numel() for p in model.parameters()) == parameters
