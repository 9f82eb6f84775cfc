"""Metrics of one label per image, in the contract of metrics."""

import pytest
import torch
from mmengine.structures import BaseDataElement

from mtl_plugins.structures import TaskData

from ..contracts.metric_contract import MetricContract


class ImageMetricContract(MetricContract):
    """Labels are vectors (K,); a mask that covers everything makes them void."""

    def sample(self, seed=0, height=6, width=7, void_share=0.2, labelled=True):
        generator = torch.Generator().manual_seed(seed)
        label, prediction = (self.label(generator, height, width) for _ in range(2))
        label = self.void(label, torch.ones(1) > 0) if void_share > 1 else label
        sample = BaseDataElement(metainfo=dict(img_path=f"{seed}.png"))
        sample.gt = TaskData(**({self.task: label.to(self.device)} if labelled else {}))
        sample.pred = TaskData(**{self.task: prediction.to(self.device)})
        return sample

    def test_a_perfect_prediction_has_the_perfect_scores(self):
        samples = self.some_samples()
        for sample in samples:
            if self.task in sample.gt:
                sample.pred = TaskData(**{self.task: sample.gt.get(self.task).clone()})
        scores = self.scores(samples)
        assert {name: scores[f"{self.task}/{name}"] for name in self.perfect} == pytest.approx(self.perfect)

    def test_void_pixels_do_not_count(self):
        label = self.sample(0, void_share=2.0)
        assert self.scores([label, self.sample(1)]) == self.scores([self.sample(1)])

    def test_a_prediction_of_another_size_names_the_image(self):
        wrong = self.sample(3)
        wrong.pred = TaskData(**{self.task: torch.zeros(9)})
        with pytest.raises(ValueError, match=f"{self.task} of 3.png"):
            self.build().process(None, [wrong.to_dict()])


class TestImageClassMetric(ImageMetricContract):
    config = dict(type="ImageClassMetric")
    perfect = dict(accuracy=100)

    def label(self, generator, height, width):
        return torch.randint(0, 3, (1,), generator=generator)

    def void(self, label, mask):
        return torch.full_like(label, -1)

    def test_the_accuracy_is_the_share_of_right_classes(self):
        metric = self.build()
        results = metric.results_of(torch.tensor([[0], [1], [2]]), torch.tensor([[0], [2], [-1]]))
        assert metric.scores(results) == {"accuracy": 50.0}


class TestImageNumbersMetric(ImageMetricContract):
    config = dict(type="ImageNumbersMetric", task="pose")
    perfect = dict(mae=0, rmse=0)

    def label(self, generator, height, width):
        return torch.randn(3, generator=generator)

    def void(self, label, mask):
        return torch.full_like(label, float("nan"))

    def test_errors_are_means_over_all_values(self):
        metric = self.build()
        results = metric.results_of(torch.tensor([[0.0, 2.0], [5.0, 5.0]]), torch.tensor([[0.0, 0.0], [1.0, 1.0]]))
        assert metric.scores(results) == pytest.approx({"mae": 2.5, "rmse": 3.0})
