import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from mmengine.structures import BaseDataElement

from mtl_plugins.evaluation import (
    DepthMetric,
    NormalsMetric,
    SegmentationMetric,
    TaskMetric,
    trivial_predictor,
    trivial_scores,
)
from mtl_plugins.structures import TaskData

CLASSES = ("a", "b", "c")


class Labels:
    """A dataset of packed samples from dicts of labels."""

    metainfo = dict(classes=CLASSES)

    def __init__(self, labels):
        self.labels = labels

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, index):
        data_sample = BaseDataElement()
        data_sample.gt = TaskData(**self.labels[index])
        return dict(inputs=torch.zeros(3, 4, 5, dtype=torch.uint8), data_samples=data_sample)


def depth_set(seed, n=4):
    generator = torch.Generator().manual_seed(seed)
    sets = []
    for _ in range(n):
        depth = torch.rand(1, 4, 5, generator=generator) * 9 * torch.rand(1, generator=generator) + 0.2
        sets.append(dict(depth=depth.masked_fill(torch.rand(1, 4, 5, generator=generator) < 0.4, 0)))
    return Labels(sets)


def test_pinned_values():
    """Three images, each with missing labels."""
    up, aside = torch.tensor([0.0, -1, 0]), torch.tensor([-1.0, 0, 0])
    normals = torch.stack([up, aside, torch.zeros(3)], dim=1).reshape(3, 1, 3)
    dataset = Labels(
        [
            dict(semseg=torch.tensor([[[0, 1, 1, 255]]], dtype=torch.uint8)),
            dict(
                semseg=torch.tensor([[[1, 2, 255, 255]]], dtype=torch.uint8),
                depth=torch.tensor([[[1.0, 3, 0, 99]]]),
            ),
            dict(normals=normals),
        ]
    )
    config = [dict(type="SegmentationMetric"), dict(type="DepthMetric"), dict(type="NormalsMetric")]
    scores = trivial_scores(dataset, config)
    assert scores["semseg/pixAcc"] == pytest.approx(60)
    assert scores["semseg/mIoU"] == pytest.approx(60 / 3)  # 3 of 5 for the most frequent class, and 0 for the other two
    assert scores["depth/rmse"] == pytest.approx(1)  # 2 m everywhere; 99 m is beyond the cap
    assert scores["normals/mean"] == pytest.approx(45)


@given(seed=st.integers(0, 2**31), average=st.sampled_from(["pixel", "image"]))
@settings(max_examples=10, deadline=None)
def test_no_constant_depth_has_a_smaller_rmse(seed, average):
    dataset, metric = depth_set(seed), DepthMetric(average=average, max_depth=8)
    best = trivial_scores(dataset, metric)["depth/rmse"]
    for constant in np.linspace(0.2, 8, 60):
        results = []
        for labels in dataset.labels:
            target = labels["depth"][None]
            results += metric.results_of(torch.full_like(target, constant), target)
        assert metric.scores(results)["rmse"] >= best - 1e-6


def test_trivial_scores_equal_those_of_a_constant_model():
    dataset = depth_set(0)
    metric = DepthMetric()
    depths = torch.cat([labels["depth"].flatten() for labels in dataset.labels]).double()
    constant = depths[depths > 0].mean()
    metric.process(
        None,
        [
            dict(gt=labels, pred=dict(depth=torch.full((1, 4, 5), constant.item(), dtype=torch.float64)))
            for labels in dataset.labels
        ],
    )
    expected = metric.evaluate(len(dataset))
    assert trivial_scores(dataset, DepthMetric()) == pytest.approx(expected)


def test_without_labels_scores_are_nan_with_the_same_keys():
    dataset = Labels([{}, {}])
    metrics = [SegmentationMetric(), DepthMetric(), NormalsMetric()]
    scores = trivial_scores(dataset, metrics)
    assert set(scores) == {f"{m.prefix}/{name}" for m in metrics for name in m.score_names}
    assert all(math.isnan(score) for score in scores.values())


def test_only_void_labels_give_nan():
    dataset = Labels([dict(depth=torch.zeros(1, 2, 2), normals=torch.zeros(3, 2, 2))])
    scores = trivial_scores(dataset, [DepthMetric(), NormalsMetric()])
    assert all(math.isnan(score) for score in scores.values())


def test_labels_of_complete_images_have_trivial_predictors():
    class SceneMetric(TaskMetric):
        score_names = ("accuracy",)

        def statistics(self, prediction, target):
            return (prediction == target).double()

        def scores(self, results):
            return dict(accuracy=float(torch.stack(results).mean()))

        def protocol(self):
            return "share of the images"

    class MostFrequent:
        def __init__(self, metric):
            self.seen = []

        def see(self, target):
            self.seen.append(int(target))

        def prediction(self):
            return torch.tensor(max(self.seen, key=self.seen.count))

    trivial_predictor.register(SceneMetric, MostFrequent)
    scenes = Labels([dict(scene=torch.tensor([i])) for i in (2, 0, 2, 1)])
    assert trivial_scores(scenes, SceneMetric("scene")) == {"scene/accuracy": 0.5}


def test_metrics_without_a_trivial_predictor_are_skipped_and_results_do_not_change():
    class Other(TaskMetric):
        score_names = ("x",)

        def statistics(self, prediction, target): ...

        def scores(self, results): ...

        def protocol(self): ...

    metric = DepthMetric()
    scores = trivial_scores(depth_set(0), [Other("depth"), metric])
    assert set(scores) == {f"depth/{name}" for name in DepthMetric.score_names}
    assert not metric.results
