"""Metrics over a whole set, and the trivial predictors to compare with."""

from .depth_metric import DepthMetric
from .normals_metric import NormalsMetric
from .segmentation_metric import SegmentationMetric
from .task_metric import TaskMetric
from .trivial import trivial_predictor, trivial_scores

__all__ = [
    "DepthMetric",
    "NormalsMetric",
    "SegmentationMetric",
    "TaskMetric",
    "trivial_predictor",
    "trivial_scores",
]
