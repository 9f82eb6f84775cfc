"""Metrics over a complete set, and the trivial predictors to compare with."""

from .depth_metric import DepthMetric
from .depth_protocol import PROTOCOLS, DepthProtocol
from .normals_metric import NormalsMetric
from .segmentation_metric import SegmentationMetric
from .task_metric import TaskMetric
from .trivial import TrivialPredictor, trivial_predictor, trivial_scores

__all__ = [
    "DepthMetric",
    "DepthProtocol",
    "NormalsMetric",
    "PROTOCOLS",
    "SegmentationMetric",
    "TaskMetric",
    "TrivialPredictor",
    "trivial_predictor",
    "trivial_scores",
]
