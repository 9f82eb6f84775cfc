"""Datasets, their transforms, packing and the sampler."""

from .camvid import CamVid
from .errors import DataError
from .multi_task_dataset import MultiTaskDataset, SampleFiles
from .nyudv2 import KINECT_INTRINSICS, NYUDv2
from .seeded_draw import draw_seed, seeded_draw
from .seeded_sampler import SeededInfiniteSampler, SeededSampler
from .synthrooms_dataset import SynthRooms
from .transforms import PackSample, Pipeline, RandomCrop, RandomRotation, RandomZoom, Resize, ResizeInput

__all__ = [
    "KINECT_INTRINSICS",
    "CamVid",
    "DataError",
    "MultiTaskDataset",
    "NYUDv2",
    "PackSample",
    "Pipeline",
    "RandomCrop",
    "RandomRotation",
    "RandomZoom",
    "Resize",
    "ResizeInput",
    "SampleFiles",
    "SeededInfiniteSampler",
    "SeededSampler",
    "SynthRooms",
    "draw_seed",
    "seeded_draw",
]
