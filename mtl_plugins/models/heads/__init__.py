"""Heads: one per task, from features to raw outputs, losses and predictions."""

from .complete_head import complete_head, head_method
from .deeplabv3plus_head import DeepLabV3PlusHead
from .dense_head import DenseHead
from .depth_head import DepthHead
from .edge_head import EdgeHead
from .fixed_camera_depth_head import FixedCameraDepthHead
from .image_head import ImageClassHead, ImageHead, ImageNumbersHead
from .normals_head import NormalsHead
from .panoptic_head import PanopticHead
from .saliency_head import SaliencyHead
from .segmentation_head import SegmentationHead
from .task_head import TaskHead

__all__ = [
    "DeepLabV3PlusHead",
    "DenseHead",
    "DepthHead",
    "EdgeHead",
    "FixedCameraDepthHead",
    "ImageClassHead",
    "ImageHead",
    "ImageNumbersHead",
    "NormalsHead",
    "SaliencyHead",
    "PanopticHead",
    "SegmentationHead",
    "TaskHead",
    "complete_head",
    "head_method",
]
