"""Metrics over a complete set, comparisons of methods, and the trivial predictors to compare with."""

from .compare_methods import MethodRun, MethodSummary, compare_methods
from .depth_metric import DepthMetric
from .depth_protocol import PROTOCOLS, DepthProtocol
from .edge_metric import EdgeMetric
from .edge_protocol import EdgeProtocol
from .image_metrics import ImageClassMetric, ImageNumbersMetric
from .multi_task_gain import mean_ranks, multi_task_gain
from .normals_metric import NormalsMetric
from .panoptic_metric import PanopticMetric
from .saliency_metric import SaliencyMetric
from .segmentation_metric import SegmentationMetric
from .task_metric import TaskMetric
from .trivial import TrivialPredictor, trivial_predictor, trivial_scores

__all__ = [
    "DepthMetric",
    "DepthProtocol",
    "EdgeMetric",
    "EdgeProtocol",
    "ImageClassMetric",
    "ImageNumbersMetric",
    "MethodRun",
    "MethodSummary",
    "NormalsMetric",
    "PROTOCOLS",
    "SaliencyMetric",
    "PanopticMetric",
    "SegmentationMetric",
    "TaskMetric",
    "TrivialPredictor",
    "compare_methods",
    "mean_ranks",
    "multi_task_gain",
    "trivial_predictor",
    "trivial_scores",
]
