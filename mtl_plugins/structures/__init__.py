"""Tensors with a meaning, next to torchvision's `Image` and `Mask`, and their kernels for torchvision's functionals."""

from .dense_map import DenseMap
from .depth_map import DepthMap
from .disparity_map import DisparityMap
from .edge_map import EdgeMap
from .image_label import ImageLabel
from .intrinsics import Intrinsics
from .named_leaves import named_leaves
from .normal_map import NormalMap
from .task_data import TaskData
from .zoom import zoom

__all__ = [
    "DenseMap",
    "DepthMap",
    "DisparityMap",
    "EdgeMap",
    "ImageLabel",
    "Intrinsics",
    "NormalMap",
    "TaskData",
    "named_leaves",
    "zoom",
]
