"""Transforms of a sample dict: torchvision's own under their names, and what it does not know."""

from .containers import Compose, RandomApply, RandomChoice, RandomOrder
from .pack_sample import PackSample
from .pipeline import Pipeline, build_transform
from .random_crop import RandomCrop
from .random_rotation import RandomRotation
from .random_zoom import RandomZoom
from .resize import Resize, ResizeInput
from .torchvision_v2 import register_torchvision

register_torchvision()

__all__ = [
    "Compose",
    "PackSample",
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
]
