"""What a predictor that never looks at the image would score: the floor under every result.

It knows the evaluation set's own labels, so it is the best of its kind there.
"""

from functools import singledispatch

import numpy as np
import torch
from scipy.optimize import minimize_scalar

from mtl_plugins.functional.normal_metrics import valid_normals
from mtl_plugins.registry import METRICS

from .depth_metric import DepthMetric
from .normals_metric import NormalsMetric
from .segmentation_metric import SegmentationMetric


class MajorityClass:
    """Every pixel is of the set's most frequent class."""

    def __init__(self, metric):
        self.void = metric.ignore_index
        self.counts = torch.zeros(len(metric.classes), dtype=torch.int64)

    def see(self, target):
        self.counts += torch.bincount(target[target != self.void].long(), minlength=len(self.counts))

    def prediction(self):
        return self.counts.argmax()


class BestConstantDepth:
    """Every pixel has the depth that minimises the set's RMSE under the metric's crop, caps and average."""

    def __init__(self, metric):
        self.metric = metric
        self.images = []  # (number, mean, variance) of each image's depths

    def see(self, target):
        depth = target[self.metric.evaluated(target)].double()
        if depth.numel():
            self.images.append((depth.numel(), depth.mean().item(), depth.var(correction=0).item()))

    def prediction(self):
        if not self.images:
            return torch.tensor(self.metric.settings.max_depth)  # nothing to be scored on
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
    """Every pixel has the direction of the mean of the set's normals."""

    def __init__(self, metric):
        self.sum = torch.zeros(3, dtype=torch.float64)

    def see(self, target):
        self.sum += (target.double() * valid_normals(target[None])[0]).nan_to_num(0, 0, 0).sum(dim=(1, 2))

    def prediction(self):
        return torch.nn.functional.normalize(self.sum, dim=0)


@singledispatch
def trivial_predictor(metric):
    """The trivial predictor that goes with a metric, or None.

    It is shown each label (C, H, W) with ``see(target)``; then ``prediction()`` gives C values. Register one
    for a metric of your own with ``@trivial_predictor.register``.
    """


trivial_predictor.register(SegmentationMetric, MajorityClass)
trivial_predictor.register(DepthMetric, BestConstantDepth)
trivial_predictor.register(NormalsMetric, MeanNormal)


def trivial_scores(dataset, metrics):
    """Scores of the trivial predictors on ``dataset``, under the protocol and the keys of ``metrics``.

    Args:
        dataset: gives packed samples, ``dict(inputs=…, data_samples=…)`` with ``gt``, and may have
            ``metainfo``. It is read twice.
        metrics: one or a list, built or as in the config (``cfg.val_evaluator``). Those that have no trivial
            predictor are passed over. Their results are left as they are.

    Returns:
        dict: ``{'semseg/mIoU': 1.9, 'depth/rmse': 1.1, 'normals/mean': 38.0, …}``; NaN where no image has the
        label.
    """
    metrics = [METRICS.build(m) if isinstance(m, dict) else m for m in _as_list(metrics)]
    for metric in metrics:
        metric.dataset_meta = metric.dataset_meta or getattr(dataset, "metainfo", None)
    predictors = {metric: trivial_predictor(metric) for metric in metrics}
    predictors = {metric: predictor for metric, predictor in predictors.items() if predictor is not None}

    for metric, target in _labels(dataset, predictors):
        predictors[metric].see(target)
    constants = {m: predictor.prediction().reshape(-1, 1, 1) for m, predictor in predictors.items()}
    results = {metric: [] for metric in constants}
    for metric, target in _labels(dataset, constants):
        results[metric] += metric.results_of(constants[metric].expand(target.shape)[None], target[None])

    scores = {}
    for metric, found in results.items():
        of_task = metric.scores(found) if found else dict.fromkeys(metric.score_names, float("nan"))
        scores |= {f"{metric.prefix}/{name}": score for name, score in of_task.items()}
    return scores


def _labels(dataset, metrics):
    """Each label of the dataset with the metric that scores it."""
    for index in range(len(dataset)):
        sample = dataset[index]["data_samples"]
        for metric in metrics:
            target = sample.gt.get(metric.task)
            if target is not None and metric.is_scored(sample):
                yield metric, target


def _as_list(metrics):
    return list(metrics) if isinstance(metrics, (list, tuple)) else [metrics]
