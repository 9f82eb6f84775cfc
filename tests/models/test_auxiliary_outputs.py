"""A neck gets the tasks and the heads, and may return auxiliary outputs of tasks, which count as part of their task."""

import copy

import pytest
import torch
from mmengine.structures import BaseDataElement
from torch import nn

from mtl_plugins.models import InferenceNetwork, NeckOutput
from mtl_plugins.registry import MODELS
from mtl_plugins.structures import TaskData

SIZE = (32, 48)
HEADS = dict(semseg=dict(type="SegmentationHead", num_classes=5), depth=dict(type="DepthHead"))
BACKBONE = dict(type="TimmBackbone", model_name="test_resnet")


class AuxiliaryNeck(nn.Module):
    """Passes on the features; in training, one auxiliary output per task and two of depth."""

    auxiliary_weight = 0.5

    def __init__(self, in_channels, in_strides, tasks):
        super().__init__()
        self.out_channels, self.out_strides, self.tasks = in_channels, in_strides, tasks

    def attach(self, heads):
        width = self.out_channels[0]
        counts = dict.fromkeys(self.tasks, 1) | dict(depth=2)
        self.auxiliary = nn.ModuleDict(
            {
                task: nn.ModuleList(nn.Conv2d(width, heads[task].out_channels, 1) for _ in range(count))
                for task, count in counts.items()
            }
        )

    def forward(self, features):
        if not self.training:
            return features
        return NeckOutput(features, {t: [conv(features[0]) for conv in m] for t, m in self.auxiliary.items()})


class PassOn(nn.Module):
    """A neck that reads one list of features."""

    def __init__(self, in_channels, in_strides):
        super().__init__()
        self.out_channels, self.out_strides = in_channels, in_strides


class BackboneByTask(nn.Module):
    """One convolution per task; it can be pruned."""

    def __init__(self, tasks):
        super().__init__()
        self.convs = nn.ModuleDict({task: nn.Conv2d(3, 4 + i, 4, stride=4) for i, task in enumerate(tasks)})
        self.out_channels = {task: (conv.out_channels,) for task, conv in self.convs.items()}
        self.out_strides = (4,)

    def forward(self, images):
        return {task: [conv(images)] for task, conv in self.convs.items()}

    def prune(self, tasks):
        for task in set(self.convs) - set(tasks):
            del self.convs[task]


def build(**config):
    torch.manual_seed(0)
    parts = dict(backbone=BACKBONE, neck=dict(type=AuxiliaryNeck), heads=HEADS) | config
    return MODELS.build(dict(type="MultiTaskModel", **parts))


def sample(**labels):
    labels = {task: torch.ones(1, *SIZE, dtype=dtype) for task, dtype in labels.items()}
    return BaseDataElement(metainfo=dict(img_shape=SIZE, ori_shape=SIZE), gt=TaskData(**labels))


def images(n=2):
    return torch.randn(n, 3, *SIZE, generator=torch.Generator().manual_seed(1))


BOTH = dict(semseg=torch.uint8, depth=torch.float32)


def test_auxiliary_losses_are_those_of_the_head_times_the_weight_of_the_neck():
    model = build()
    losses = model.loss(images(), [sample(**BOTH)] * 2)
    assert set(losses) == {
        "semseg.loss_ce",
        "semseg.loss_ce_aux0",
        "depth.loss_berhu",
        "depth.loss_berhu_aux0",
        "depth.loss_berhu_aux1",
    }
    _, auxiliary = model.neck(model.backbone(images()))
    expected = model.heads["depth"].loss(auxiliary["depth"][1], torch.ones(2, 1, *SIZE))["loss_berhu"]
    torch.testing.assert_close(losses["depth.loss_berhu_aux1"], 0.5 * expected)


def test_auxiliary_outputs_see_only_the_samples_with_a_label():
    model = build()
    mixed = model.loss(images(), [sample(semseg=torch.uint8), sample(**BOTH)])
    _, auxiliary = model.neck(model.backbone(images()))
    expected = model.heads["depth"].loss(auxiliary["depth"][0][1:], torch.ones(1, 1, *SIZE))["loss_berhu"]
    torch.testing.assert_close(mixed["depth.loss_berhu_aux0"], 0.5 * expected)
    without = model.loss(images(), [sample(semseg=torch.uint8)] * 2)
    total, logged = model.parse_losses(without)
    assert set(logged) == {"loss", "semseg.loss_ce", "semseg.loss_ce_aux0"}
    total.backward()
    assert all(p.grad is not None for p in model.neck.parameters()), "DDP expects a gradient of every parameter"


def test_auxiliary_losses_count_in_a_balancer():
    model = build(balancer=dict(type="Equal"))
    losses = model.loss(images(), [sample(**BOTH)] * 2)
    total, _ = model.parse_losses(losses)
    torch.testing.assert_close(total, sum(value for name, value in losses.items() if "loss" in name))


def test_auxiliary_outputs_learn_from_a_teacher():
    heads = copy.deepcopy(HEADS)
    heads["depth"]["soft_loss"] = dict(type="L1Loss")
    model = build(heads=heads)
    samples = [sample(**BOTH), sample(**BOTH)]
    for element in samples:
        element.soft = TaskData(depth=torch.ones(1, 8, 12))
    losses = model.loss(images(), samples)
    assert {"depth.loss_soft_l1", "depth.loss_soft_l1_aux0", "depth.loss_soft_l1_aux1"} <= set(losses)


def test_auxiliary_outputs_are_computed_only_in_training():
    model = build().eval()
    assert set(model.loss(images(), [sample(**BOTH)] * 2)) == {"semseg.loss_ce", "depth.loss_berhu"}
    assert set(model.train().extract_features(images())) == {"semseg", "depth"}


def test_auxiliary_outputs_of_an_unknown_task():
    model = build()
    model.neck.auxiliary["edge"] = model.neck.auxiliary["depth"]
    with pytest.raises(ValueError, match="AuxiliaryNeck returned auxiliary outputs for edge, but the heads are"):
        model.loss(images(), [sample(**BOTH)] * 2)


def test_a_config_may_set_the_tasks_of_a_neck():
    assert build().neck.tasks == ("semseg", "depth")
    assert build(neck=dict(type=AuxiliaryNeck, tasks=("depth",))).neck.tasks == ("depth",)


def test_a_backbone_with_features_for_each_task():
    model = build(backbone=dict(type=BackboneByTask), neck=None).eval()
    assert [head.pre.in_channels for head in model.heads.values()] == [4, 5]
    network = InferenceNetwork(model, ["depth"])
    assert list(network.model.backbone.convs) == ["depth"]
    assert torch.equal(network(images())["depth"], model(images())["depth"])


def test_a_neck_that_reads_one_list_after_a_backbone_with_features_for_each_task():
    message = (
        "BackboneByTask has features for each task, but .*PassOn.* reads one list of features. Set model.neck=None"
    )
    with pytest.raises(ValueError, match=message):
        build(backbone=dict(type=BackboneByTask), neck=dict(type=PassOn))


def test_compiled_and_eager_training_have_the_same_losses():
    model, samples = build(), [sample(**BOTH)] * 2
    compiled = copy.deepcopy(model)
    compiled.compile_network(fullgraph=True, backend="eager")
    expected = model.loss(images(), samples)
    for name, value in compiled.loss(images(), samples).items():
        assert torch.equal(value, expected[name])
