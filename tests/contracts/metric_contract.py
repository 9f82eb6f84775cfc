"""The contract of every metric. A subclass defines its config, its labels and the perfect scores."""

import math
import pickle

import pytest
import torch
from mmengine.evaluator import Evaluator
from mmengine.structures import BaseDataElement, PixelData

from mtl_plugins.registry import METRICS

from .component_contract import ComponentContract


class MetricContract(ComponentContract):
    """The tests of every metric of a task, evaluated by mmengine's Evaluator."""

    meta: dict = {}
    perfect: dict  # the scores of a perfect prediction
    most_bytes = 1000  # stored by a metric per image

    def label(self, generator, height, width):
        """A label (K, H, W) without void pixels."""
        raise NotImplementedError

    def void(self, label, mask):
        """`label` with void where `mask` (1, H, W) is true."""
        raise NotImplementedError

    def build(self, **options):
        metric = METRICS.build(self.config | options)
        metric.dataset_meta = self.meta
        return metric

    @property
    def task(self):
        return self.build().task

    def sample(self, seed=0, height=6, width=7, void_share=0.2, labelled=True):
        """An image with a random label and a random prediction."""
        generator = torch.Generator().manual_seed(seed)
        label, prediction = (self.label(generator, height, width) for _ in range(2))
        mask = torch.rand(1, height, width, generator=generator) < void_share
        gt = {self.task: self.void(label, mask).to(self.device)} if labelled else {}
        data_sample = BaseDataElement(metainfo=dict(img_path=f"{seed}.png"))
        data_sample.gt, data_sample.pred = PixelData(**gt), PixelData(**{self.task: prediction.to(self.device)})
        return data_sample

    def some_samples(self):
        """Images of two sizes; one has no label."""
        return [self.sample(i, height=5 + i % 2, labelled=i != 3) for i in range(6)]

    def scores(self, samples, batch=2, **options):
        evaluator = Evaluator([self.build(**options)])
        evaluator.dataset_meta = self.meta
        for start in range(0, len(samples), batch):
            evaluator.process(samples[start : start + batch])
        return evaluator.evaluate(len(samples))

    def test_scores_have_the_declared_names_and_are_finite(self):
        scores = self.scores(self.some_samples())
        assert list(scores) == [f"{self.task}/{name}" for name in self.build().score_names]
        assert all(isinstance(score, float) and math.isfinite(score) for score in scores.values())

    def test_a_perfect_prediction_has_the_perfect_scores(self):
        samples = self.some_samples()
        for sample in samples:
            if self.task in sample.gt:
                sample.pred = PixelData(**{self.task: sample.gt.get(self.task).clone()})
        scores, worse = self.scores(samples), self.scores(self.some_samples())
        for name, value in self.perfect.items():
            assert scores[f"{self.task}/{name}"] == pytest.approx(value, abs=2e-3)
            assert worse[f"{self.task}/{name}"] != pytest.approx(value, abs=2e-3)

    def test_the_perfect_score_is_better_than_a_random_one(self):
        metric, worse = self.build(), self.scores(self.some_samples())
        assert set(metric.higher_is_better) >= set(metric.score_names)
        for name, value in self.perfect.items():
            assert (value > worse[f"{self.task}/{name}"]) == metric.higher_is_better[name]

    @pytest.mark.parametrize("batch", [1, 3, 6])
    def test_scores_do_not_depend_on_the_batch_size(self, batch):
        expected = self.scores(self.some_samples())
        assert self.scores(self.some_samples(), batch) == pytest.approx(expected, rel=1e-9)

    def test_void_pixels_do_not_count(self):
        samples, other = self.some_samples(), self.some_samples()
        for sample in other:
            if self.task in sample.gt:
                label = sample.gt.get(self.task)
                valid = self.void(label, torch.ones_like(label[:1], dtype=torch.bool)) != label
                prediction = sample.pred.get(self.task)
                sample.pred = PixelData(**{self.task: torch.where(valid, prediction, prediction.flip(-1))})
        assert self.scores(other) == self.scores(samples)

    def test_an_image_without_a_label_does_not_count(self):
        samples = [self.sample(0), self.sample(1)]
        without = [*samples, self.sample(2, labelled=False), self.sample(3, void_share=2.0)]
        assert self.scores(without) == self.scores(samples)

    def test_a_dataset_without_labels_gives_nan_and_a_warning(self, capture_log):
        scores = self.scores([self.sample(i, labelled=False) for i in range(2)])
        assert scores and all(math.isnan(score) for score in scores.values())
        assert "WARNING" in capture_log()

    def test_results_of_several_processes_are_merged_exactly(self):
        """mmengine pickles the results of each rank, interleaves them and removes the padding."""
        samples, metrics = self.some_samples(), [self.build(), self.build()]
        metrics[0].process(None, [sample.to_dict() for sample in samples[0::2]])
        metrics[1].process(None, [sample.to_dict() for sample in [*samples[1::2], samples[0]]])
        parts = [pickle.loads(pickle.dumps(metric.results)) for metric in metrics]
        merged = [result for pair in zip(*parts, strict=False) for result in pair][: len(samples)]
        scores = metrics[0].compute_metrics(merged)
        assert {f"{self.task}/{name}": value for name, value in scores.items()} == self.scores(samples)

    def test_a_result_is_small_and_on_the_cpu(self):
        metric = self.build()
        metric.process(None, [self.sample(i, height=60, width=80).to_dict() for i in range(2)])
        assert len(metric.results) == 2
        assert max(len(pickle.dumps(result)) for result in metric.results) <= self.most_bytes
        assert all(tensor.device.type == "cpu" for tensor in metric.results if isinstance(tensor, torch.Tensor))

    def test_a_prediction_of_another_size_names_the_image(self):
        wrong = self.sample(3)
        wrong.pred = PixelData(**{self.task: wrong.pred.get(self.task)[:, 1:]})
        with pytest.raises(ValueError, match=f"{self.task} of 3.png"):
            self.build().process(None, [wrong.to_dict()])

    def test_scores_of_one_dataset_have_its_name(self):
        mine, other = self.sample(0), self.sample(1)
        mine.set_metainfo(dict(dataset="mine")), other.set_metainfo(dict(dataset="other"))
        scores, expected = self.scores([mine, other], dataset="mine"), self.scores([self.sample(0)])
        assert scores == {f"mine/{name}": value for name, value in expected.items()}
