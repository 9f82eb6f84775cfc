"""Backbones with one copy of a timm model per task, which exchange features."""

import copy

import pytest
import torch
from torch import nn

from mtl_plugins.models import InferenceNetwork
from mtl_plugins.registry import MODELS

from ..contracts.backbone_contract import BackboneContract
from ..contracts.interaction_contract import HEADS, InteractionContract
from .test_backbone import SWIN

TASKS = ("semseg", "depth")


class Interleaved(nn.Module):
    """A backbone whose features of all tasks are one list, finest first."""

    def __init__(self, backbone):
        super().__init__()
        self.backbone = backbone
        channels, strides = backbone.out_channels["depth"], backbone.out_strides["depth"]
        self.out_channels = [channel for channel in channels for _ in TASKS]
        self.out_strides = [stride for stride in strides for _ in TASKS]

    def forward(self, images):
        features = self.backbone(images)
        return [feature for level in zip(*(features[task] for task in TASKS), strict=True) for feature in level]


class ParallelContract(BackboneContract, InteractionContract):
    """The contract of a backbone, and that of a model with it."""

    rounds_down = True

    @property
    def parts(self):
        return dict(backbone=self.config, neck=None)

    @pytest.fixture(scope="class")
    def built_backbone(self, device):
        torch.manual_seed(0)
        return Interleaved(MODELS.build(dict(tasks=TASKS, **self.config))).eval().to(device)

    @pytest.fixture
    def backbone(self, built_backbone, device):
        self.device = device
        return copy.deepcopy(built_backbone)

    def model(self, heads=HEADS, **config):
        decoder = dict(type="ConcatFeatures", channels=8)
        return super().model({task: dict(head, decoder=decoder) for task, head in heads.items()}, **config)


class TestCrossStitchBackbone(ParallelContract):
    config = dict(type="CrossStitchBackbone", model_name="test_resnet")


class TestNDDRBackbone(ParallelContract):
    config = dict(type="NDDRBackbone", model_name="test_resnet")


def build(model_name, **options):
    torch.manual_seed(0)
    config = dict(type="CrossStitchBackbone", tasks=TASKS, model_name=model_name, **options)
    return MODELS.build(config).eval()


KINDS = dict(
    convnext=dict(model_name="test_convnext"),
    efficientnet=dict(model_name="test_efficientnet"),
    byobnet=dict(model_name="test_byobnet"),
    swin=SWIN,  # features (N, H, W, C)
)


@pytest.mark.parametrize("kind", KINDS)
@torch.no_grad()
def test_copies_that_exchange_nothing_compute_what_the_model_computes(kind):
    backbone = build(**KINDS[kind], same=1.0, other=0.0)
    single = MODELS.build(dict(type="TimmBackbone", **KINDS[kind])).eval()
    assert backbone.out_channels["depth"] == single.out_channels
    assert backbone.out_strides["depth"] == single.out_strides
    # both have the same weights in the same order
    own = [value for value in backbone.copies["depth"].body.state_dict().values()]
    given = dict(single.body.state_dict())
    shapes = [tuple(value.shape) for value in own]
    assert shapes == [tuple(value.shape) for value in given.values()][: len(shapes)]
    single.body.load_state_dict(given | dict(zip(given, own, strict=False)))
    images = torch.randn(1, 3, 45, 71, generator=torch.Generator().manual_seed(1))
    for found, expected in zip(backbone(images)["depth"], single(images), strict=True):
        torch.testing.assert_close(found, expected)


def test_the_layer_after_the_first_pooling():
    backbone = build("test_resnet", out_features=("maxpool", "layer1", "layer2"))
    assert backbone.out_strides["depth"] == (4, 4, 8) and len(backbone.units) == 3


def test_the_last_unit_is_pruned():
    backbone = build("test_resnet")
    count = sum(p.numel() for p in backbone.parameters())
    backbone.prune(["depth"])
    assert set(backbone(torch.randn(1, 3, 32, 32))) == {"depth"}
    assert count - sum(p.numel() for p in backbone.parameters()) == 2 * backbone.out_channels["depth"][-1]


@pytest.mark.parametrize("name", ["test_vit", "hrnet_w18_small"])
def test_a_model_that_is_no_sequence_of_stages(name):
    with pytest.raises(ValueError, match=f"{name} .* so its copies for several tasks cannot exchange features"):
        build(name)


def test_an_unknown_module():
    with pytest.raises(ValueError, match="test_resnet has no module layer9, so its copies"):
        build("test_resnet", out_features=("layer1", "layer9"))


def test_a_neck_that_reads_one_list():
    config = dict(backbone=dict(type="CrossStitchBackbone", model_name="test_resnet"), heads=HEADS)
    with pytest.raises(ValueError, match=r"CrossStitchBackbone has features for each task, but LightWeightRefineNet"):
        MODELS.build(dict(type="MultiTaskModel", neck=dict(type="LightWeightRefineNet"), **config))


def test_one_task_of_many():
    heads = {task: dict(head, decoder=dict(type="ConcatFeatures", channels=8)) for task, head in HEADS.items()}
    parts = dict(backbone=dict(type="NDDRBackbone", model_name="test_resnet"), heads=heads)
    network = InferenceNetwork(MODELS.build(dict(type="MultiTaskModel", **parts)), ["normals"])
    assert set(network(torch.randn(1, 3, 32, 32))) == {"normals"}
