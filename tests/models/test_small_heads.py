"""Heads with only `forward`, `loss` and `predict`, for maps and for images, work wherever other heads do."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from mmengine.structures import BaseDataElement
from torch import nn

from mtl_plugins.apis.export import export_model
from mtl_plugins.apis.map_files import write_map
from mtl_plugins.apis.predictions import to_numpy
from mtl_plugins.backends import load_backend
from mtl_plugins.engine.distillation import Teacher
from mtl_plugins.kinds import kinds_of_heads
from mtl_plugins.models import InferenceNetwork, MultiTaskTTAModel
from mtl_plugins.structures import TaskData
from mtl_plugins.visualization import MultiTaskVisualizer

from .small_model import small_model

SIZE = (32, 48)


class Head(nn.Module):
    """The documented interface of a head, without a base class."""

    def __init__(self, in_channels, in_strides, channels):
        super().__init__()
        self.out = nn.Conv2d(in_channels[0], channels, 1)

    def forward(self, features):
        return self.out(features[0])


class ClassIds(Head):
    kind = "classes"

    def __init__(self, **sizes):
        super().__init__(channels=4, **sizes)

    def loss(self, outputs, targets):
        return dict(loss_ce=F.cross_entropy(F.interpolate(outputs, targets.shape[-2:]), targets[:, 0].long()))

    def predict(self, outputs, size):
        return F.interpolate(outputs, size, mode="bilinear").argmax(1, keepdim=True)


class Heights(Head):
    def __init__(self, **sizes):
        super().__init__(channels=1, **sizes)

    def loss(self, outputs, targets):
        return dict(loss_l1=(F.interpolate(outputs, targets.shape[-2:]) - targets).abs().mean())

    def predict(self, outputs, size):
        return F.interpolate(outputs, size, mode="bilinear")


class ImageHead(Head):
    def forward(self, features):
        return super().forward(features).mean((2, 3))


class Scene(ImageHead):
    """Class ids (N,) of images."""

    kind = "image_classes"

    def __init__(self, **sizes):
        super().__init__(channels=3, **sizes)

    def loss(self, outputs, targets):
        return dict(loss_ce=F.cross_entropy(outputs, targets[:, 0]))

    def predict(self, outputs, size):
        return outputs.argmax(1)


class Probabilities(Scene):
    """Class probabilities (N, K) of images."""

    kind = "numbers"

    def predict(self, outputs, size):
        return outputs.softmax(1)


class Brightness(ImageHead):
    """One number per image, (N,)."""

    def __init__(self, **sizes):
        super().__init__(channels=1, **sizes)

    def loss(self, outputs, targets):
        return dict(loss_l1=(outputs - targets).abs().mean())

    def predict(self, outputs, size):
        return outputs[:, 0]


HEADS = {
    "terrain": (ClassIds, (1, *SIZE), torch.int64),
    "height": (Heights, (1, *SIZE), torch.float32),
    "scene": (Scene, (1,), torch.int64),
    "weather": (Probabilities, (3,), torch.float32),
    "brightness": (Brightness, (1,), torch.float32),
}


@pytest.fixture(scope="module")
def model():
    return small_model({task: dict(type=head) for task, (head, _, _) in HEADS.items()})


def samples(n):
    labels = dict(
        terrain=torch.ones(1, *SIZE, dtype=torch.uint8),
        height=torch.ones(1, *SIZE),
        scene=torch.tensor([2]),
        weather=torch.tensor([1]),
        brightness=torch.tensor([0.5]),
    )
    return [BaseDataElement(metainfo=dict(img_shape=SIZE, ori_shape=SIZE), gt=TaskData(**labels)) for _ in range(n)]


def raw_images(n):
    return [
        torch.randint(256, (3, *SIZE), dtype=torch.uint8, generator=torch.Generator().manual_seed(i)) for i in range(n)
    ]


def check(pred):
    for task, (_, shape, dtype) in HEADS.items():
        assert tuple(pred.get(task).shape) == shape and (task == "terrain" or pred.get(task).dtype == dtype)


def test_losses(model):
    losses = model(torch.randn(2, 3, *SIZE), samples(2), mode="loss")
    assert len(losses) == len(HEADS) and all(value.isfinite() for value in losses.values())


def test_predictions(model):
    for sample in model(torch.randn(2, 3, *SIZE), samples(2), mode="predict"):
        check(sample.pred)


def test_test_time_augmentation(model):
    averaged = MultiTaskTTAModel(model, flip=True, scales=(1, 0.5))
    for sample in averaged.test_step(dict(inputs=raw_images(2), data_samples=samples(2))):
        check(sample.pred)
    single = MultiTaskTTAModel(model, flip=False)
    [found] = single.test_step(dict(inputs=raw_images(1), data_samples=samples(1)))
    [plain] = model.test_step(dict(inputs=raw_images(1), data_samples=samples(1)))
    for task in HEADS:
        torch.testing.assert_close(found.pred.get(task), plain.pred.get(task), check_dtype=False)


def test_as_a_teacher(model):
    teacher = Teacher(list(HEADS), model=model, flip=True, precision="float32")
    scores = teacher.scores(raw_images(2), samples(2), tuple(HEADS))
    for task, (_, shape, _) in HEADS.items():
        label, _ = teacher.tasks[task].labels(torch.stack(scores[task]))
        assert tuple(label.shape[1:]) == shape and label.isfinite().all()


def test_pictures_and_files(model, tmp_path):
    [sample] = model.test_step(dict(inputs=raw_images(1), data_samples=samples(1)))
    visualizer = MultiTaskVisualizer()
    visualizer.dataset_meta = dict(kinds=kinds_of_heads(model.heads))
    assert visualizer.draw(raw_images(1)[0], sample).ndim == 3
    for task, values in to_numpy(sample).items():
        write_map(task, values, tmp_path, "x", "npy", kinds_of_heads(model.heads))
        np.testing.assert_array_equal(np.load(tmp_path / task / "x.npy").ravel(), values.ravel())


@pytest.mark.parametrize("end_to_end", [False, True])
def test_export(model, end_to_end, tmp_path):
    path = export_model(model, "torch-export", tmp_path / "x", SIZE, end_to_end=end_to_end).path
    images = torch.stack(raw_images(2)) if end_to_end else torch.randn(2, 3, *SIZE)
    wanted = InferenceNetwork(model, end_to_end=end_to_end)(images)
    found = load_backend(path)(images)
    assert {task: value.shape for task, value in found.items()} == {task: value.shape for task, value in wanted.items()}


def build(head):
    return small_model(dict(mine=dict(type=head)), neck=None)


def test_missing_methods_are_named_when_the_model_is_built():
    class Incomplete(nn.Module):
        def __init__(self, in_channels, in_strides):
            super().__init__()

    with pytest.raises(ValueError, match=r"'mine' \(Incomplete\) has no method forward\(features\) and no loss\("):
        build(Incomplete)

    class WithoutPredict(Incomplete):
        def forward(self, features):
            return features[0]

        def loss(self, outputs, targets):
            return {}

    with pytest.raises(ValueError, match=r"has no method predict\(outputs, size\): a head implements"):
        build(WithoutPredict)


def test_class_ids_of_an_unknown_kind_name_the_cure():
    class Ids(ClassIds):
        kind = "numbers"

    model = build(Ids)
    with pytest.raises(TypeError, match="set its kind"):
        MultiTaskTTAModel(model).test_step(dict(inputs=raw_images(1), data_samples=samples(1)))
    with pytest.raises(ValueError, match="predicts torch.int64 for mine.*set the kind of its head"):
        Teacher(["mine"], model=model).scores(raw_images(1), samples(1), ("mine",))
