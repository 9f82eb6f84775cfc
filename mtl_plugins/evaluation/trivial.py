"""Scores of predictors that ignore the image: a lower bound for every network.

They use the labels of the evaluation set itself, so each is the best of its kind on that set.
"""

from collections.abc import Iterable, Iterator, Sequence
from functools import singledispatch
from typing import Any, Protocol, TypeVar

import numpy as np
import torch
from scipy.optimize import minimize_scalar
from torch import Tensor

from mtl_plugins.functional.normal_metrics import valid_normals
from mtl_plugins.registry import METRICS

from .depth_metric import DepthMetric
from .normals_metric import NormalsMetric
from .segmentation_metric import SegmentationMetric
from .task_metric import TaskMetric

Metric = TypeVar("Metric", bound=TaskMetric)


class TrivialPredictor(Protocol):
    """Sees all labels of a set, then predicts the same values for every pixel of every image."""

    def see(self, target: Tensor) -> None:
        """Take a label, (C, H, W) or (C,), into account."""

    def prediction(self) -> Tensor:
        """The C values of the prediction."""


class MajorityClass:
    """Predicts the most frequent class of the dataset."""

    def __init__(self, metric: SegmentationMetric):
        self.void = metric.ignore_index
        self.counts = torch.zeros(len(metric.classes), dtype=torch.int64)

    def see(self, target: Tensor) -> None:
        """Count the classes of a label."""
        self.counts += torch.bincount(target[target != self.void].long(), minlength=len(self.counts))

    def prediction(self) -> Tensor:
        """The class id."""
        return self.counts.argmax()


class BestConstantDepth:
    """Predicts the depth that minimises the RMSE of the dataset under the crop, caps and average of the metric."""

    def __init__(self, metric: DepthMetric):
        self.metric = metric
        self.images: list[tuple[int, float, float]] = []  # (number, mean, variance) of each image's depths

    def see(self, target: Tensor) -> None:
        """Store the statistics of a label."""
        depth = target[self.metric.evaluated(target)].double()
        if depth.numel():
            self.images.append((depth.numel(), depth.mean().item(), depth.var(correction=0).item()))

    def prediction(self) -> Tensor:
        """Metres."""
        if not self.images:
            return torch.tensor(self.metric.settings.max_depth)  # no pixel is scored
        number, mean, variance = np.array(self.images).T
        if self.metric.settings.average == "pixel":
            best = np.average(mean, weights=number)
        else:
            best = minimize_scalar(  # a convex sum
                lambda c: np.sqrt(variance + (mean - c) ** 2).mean(),
                bounds=(mean.min(), mean.max()),
                method="bounded",
                options={"xatol": 1e-6},
            ).x
        return torch.tensor(best)


class MeanNormal:
    """Predicts the direction of the mean of all normals."""

    def __init__(self, metric: NormalsMetric):
        self.sum = torch.zeros(3, dtype=torch.float64)

    def see(self, target: Tensor) -> None:
        """Add the normals of a label."""
        self.sum += (target.double() * valid_normals(target[None])[0]).nan_to_num(0, 0, 0).sum(dim=(1, 2))

    def prediction(self) -> Tensor:
        """A unit vector."""
        return torch.nn.functional.normalize(self.sum, dim=0)


@singledispatch
def trivial_predictor(metric: Any) -> TrivialPredictor | None:
    """Create the trivial predictor of a metric, or return None if it has none.

    Register one for a custom metric with `@trivial_predictor.register`.
    """
    return None


trivial_predictor.register(SegmentationMetric, MajorityClass)
trivial_predictor.register(DepthMetric, BestConstantDepth)
trivial_predictor.register(NormalsMetric, MeanNormal)


def trivial_scores(dataset: Any, metrics: Any) -> dict[str, float]:
    """Compute the scores of the trivial predictors, under the protocol and the keys of the metrics.

    Args:
        dataset: Returns packed samples, `dict(inputs=..., data_samples=...)` with `gt`; it may have `metainfo`. It is
            read twice.
        metrics: One metric or a list, built or as in the config (`cfg.val_evaluator`). Metrics without a trivial
            predictor are skipped. Results of built metrics do not change.

    Returns:
        `{"semseg/mIoU": 1.9, "depth/rmse": 1.1, "normals/mean": 38.0, ...}`; NaN if no image has the label.
    """
    built = [METRICS.build(m) if isinstance(m, dict) else m for m in _as_list(metrics)]
    for metric in built:
        metric.dataset_meta = metric.dataset_meta or getattr(dataset, "metainfo", None)
    candidates = {metric: trivial_predictor(metric) for metric in built}
    predictors = {metric: predictor for metric, predictor in candidates.items() if predictor is not None}

    for metric, target in _labels(dataset, predictors):
        predictors[metric].see(target)
    constants = {m: predictor.prediction().reshape(-1) for m, predictor in predictors.items()}
    results: dict[TaskMetric, list] = {metric: [] for metric in constants}
    for metric, target in _labels(dataset, constants):
        constant = constants[metric].reshape(-1, *[1] * (target.ndim - 1))
        results[metric] += metric.results_of(constant.expand(target.shape)[None], target[None])

    scores: dict[str, float] = {}
    for metric, found in results.items():
        of_task = metric.scores(found) if found else dict.fromkeys(metric.score_names, float("nan"))
        scores |= {f"{metric.prefix}/{name}": score for name, score in of_task.items()}
    return scores


def _labels(dataset: Any, metrics: Iterable[Metric]) -> Iterator[tuple[Metric, Tensor]]:
    """Each label of the dataset with the metric that scores it."""
    for index in range(len(dataset)):
        sample = dataset[index]["data_samples"]
        for metric in metrics:
            target = sample.gt.get(metric.task)
            if target is not None and metric.is_scored(sample):
                yield metric, target


def _as_list(metrics: Any) -> Sequence[Any]:
    return list(metrics) if isinstance(metrics, list | tuple) else [metrics]
