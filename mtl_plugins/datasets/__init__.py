"""Datasets, their transforms, packing and the sampler."""

from .camvid import CamVid
from .cityscapes.cityscapes import Cityscapes
from .errors import DataError
from .kitti.kitti6 import KITTI6
from .kitti.kitti_depth import KITTIDepth
from .kitti.kitti_semantic import KITTISemantic
from .multi_dataset import MultiDataset, combine_metainfo
from .multi_dataset_sampler import MultiDatasetSampler
from .multi_task_dataset import MultiTaskDataset, SampleFiles
from .nyudv2 import KINECT_INTRINSICS, NYUDv2
from .seeded_draw import draw_seed, seeded_draw
from .seeded_sampler import SeededInfiniteSampler, SeededSampler
from .synthrooms_dataset import SynthRooms
from .transforms import (
    PackSample,
    Pipeline,
    RandomCrop,
    RandomRotation,
    RandomZoom,
    Resize,
    ResizeInput,
)

__all__ = [
    "KITTI6",
    "KINECT_INTRINSICS",
    "CamVid",
    "Cityscapes",
    "DataError",
    "KITTIDepth",
    "KITTISemantic",
    "MultiDataset",
    "MultiDatasetSampler",
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
    "combine_metainfo",
    "draw_seed",
    "seeded_draw",
]
