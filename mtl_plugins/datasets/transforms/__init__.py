"""Transforms of a sample dict: torchvision's v2 transforms under their own names, and the missing ones."""

from .containers import Compose, RandomApply, RandomChoice, RandomOrder
from .edges_from_labels import EdgesFromLabels
from .pack_sample import PackSample
from .panoptic_from_instances import PanopticFromInstances
from .pipeline import Pipeline, build_transform, check_sample
from .random_crop import RandomCrop
from .random_rotation import RandomRotation
from .random_zoom import RandomZoom
from .register_torchvision import register_torchvision
from .resize import Resize, ResizeInput

register_torchvision()

__all__ = [
    "Compose",
    "EdgesFromLabels",
    "PackSample",
    "PanopticFromInstances",
    "Pipeline",
    "RandomApply",
    "RandomChoice",
    "RandomCrop",
    "RandomOrder",
    "RandomRotation",
    "RandomZoom",
    "Resize",
    "ResizeInput",
    "build_transform",
    "check_sample",
]
