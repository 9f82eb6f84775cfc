"""A neck with one list of features per task, with losses of its own, which can be pruned."""

import pytest
import torch
from mmengine.structures import BaseDataElement
from torch import nn

from mtl_plugins.models import InferenceNetwork
from mtl_plugins.registry import MODELS
from mtl_plugins.structures import TaskData

SIZE = (32, 48)


class TaskNeck(nn.Module):
    """A 1x1 convolution per task; the features of depth have half as many channels."""

    def __init__(self, in_channels, in_strides):
        super().__init__()
        self.out_channels = dict(semseg=(8,), depth=(4,))
        self.out_strides = dict(semseg=in_strides[:1], depth=in_strides[:1])
        self.convs = nn.ModuleDict({t: nn.Conv2d(in_channels[0], c, 1) for t, (c,) in self.out_channels.items()})

    def forward(self, features):
        return {task: [conv(features[0])] for task, conv in self.convs.items()}

    def loss(self, features, data_samples):
        assert len(features["depth"][0]) == len(data_samples)
        return {"loss_small": sum(x.square().mean() for (x,) in features.values())}

    def prune(self, tasks):
        for task in set(self.convs) - set(tasks):
            del self.convs[task]


def build(neck):
    heads = dict(semseg=dict(type="SegmentationHead", num_classes=5), depth=dict(type="DepthHead"))
    backbone = dict(type="TimmBackbone", model_name="test_resnet")
    return MODELS.build(dict(type="MultiTaskModel", backbone=backbone, neck=dict(type=neck), heads=heads))


@pytest.fixture
def model():
    torch.manual_seed(0)
    return build(TaskNeck)


def sample():
    gt = TaskData(semseg=torch.zeros(1, *SIZE, dtype=torch.uint8))
    return BaseDataElement(metainfo=dict(img_shape=SIZE, ori_shape=SIZE), gt=gt)


def test_heads_read_the_features_of_their_task(model):
    images = torch.randn(1, 3, *SIZE)
    assert [head.pre.in_channels for head in model.heads.values()] == [8, 4]
    features = model.extract_features(images, ["depth"])
    assert list(features) == ["depth"]
    assert torch.equal(model.heads["depth"](features["depth"]), model.outputs(images)["depth"])


def test_losses_of_the_neck_and_of_an_unlabelled_task(model):
    losses = model(torch.randn(2, 3, *SIZE), [sample(), sample()], mode="loss")
    assert set(losses) == {"neck.loss_small", "semseg.loss_ce", "depth.loss_unlabelled"}
    total, logged = model.parse_losses(losses)
    assert set(logged) == {"loss", "neck.loss_small", "semseg.loss_ce"}
    assert total == losses["neck.loss_small"] + losses["semseg.loss_ce"]
    total.backward()
    trained = [*model.neck.parameters(), *model.heads.parameters()]
    assert all(parameter.grad is not None for parameter in trained)
    depth_only = torch.autograd.grad(
        model(torch.randn(2, 3, *SIZE), [sample()] * 2, mode="loss")["semseg.loss_ce"],
        list(model.heads["depth"].parameters()),
        allow_unused=True,
    )
    assert depth_only == (None,) * len(depth_only)  # no part of another task's loss


def test_pruning_to_some_tasks(model):
    model.eval()
    network, images = InferenceNetwork(model, ["depth"]), torch.randn(1, 3, *SIZE)
    assert list(network.model.neck.convs) == ["depth"] and set(model.neck.convs) == {"semseg", "depth"}
    with torch.no_grad():
        assert torch.equal(network(images)["depth"], model(images)["depth"])


def test_a_hint_needs_one_list_of_features(model):
    model.hint = nn.Identity()
    with pytest.raises(ValueError, match=r"model\.hint needs a neck with one list"):
        model(torch.randn(1, 3, *SIZE), [sample()], mode="loss")


@pytest.mark.parametrize(
    "change, returned",
    [
        (lambda features: {"semseg": features["semseg"]}, "features for semseg, none for it"),
        (lambda features: {**features, "depth": None}, "None for it"),
        (lambda features: {**features, "depth": features["depth"][0]}, "a tensor instead of a list for it"),
    ],
)
def test_a_neck_without_features_for_a_head(model, change, returned):
    forward = model.neck.forward
    model.neck.forward = lambda features: change(forward(features))
    for compute in (model.outputs, model.extract_features):
        with pytest.raises(ValueError, match=f"The head 'depth' has no features to read: TaskNeck returned {returned}"):
            compute(torch.randn(1, 3, *SIZE))


@pytest.mark.parametrize("result, returned", [(None, "None"), (torch.zeros(1, 8, 4, 4), "a tensor instead of a list")])
def test_a_neck_that_returns_no_list(model, result, returned):
    model.neck.forward = lambda features: result
    with pytest.raises(ValueError, match=f"The head 'semseg' has no features to read: TaskNeck returned {returned}"):
        model.outputs(torch.randn(1, 3, *SIZE))


class SemsegNeck(TaskNeck):
    def __init__(self, in_channels, in_strides):
        super().__init__(in_channels, in_strides)
        del self.out_channels["depth"]


def test_a_neck_without_channels_for_a_head():
    message = r"SemsegNeck\.out_channels has entries for semseg, but none for the head 'depth'"
    with pytest.raises(ValueError, match=message):
        build(SemsegNeck)


def test_the_checks_of_features_do_not_break_the_graph(model):
    images = torch.randn(1, 3, *SIZE)
    model.eval()
    expected = model.outputs(images)
    model.compile_network(fullgraph=True, backend="eager")
    assert all(torch.equal(output, expected[task]) for task, output in model.outputs(images).items())
