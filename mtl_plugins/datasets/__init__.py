"""Datasets with partial labels, their readers, transforms and samplers.

`cityscapes/` and `kitti/` contain datasets with several kinds of files; `readers/` reads label files;
`transforms/` augments and packs samples.
"""

from .block_split import block_split
from .bsds500 import BSDS500
from .camvid import CamVid
from .cityscapes import Cityscapes
from .data_error import DataError
from .holdout_split import holdout_split
from .idd_lite import IDDLite
from .innermost_datasets import innermost_datasets
from .kitti import KITTI6, KITTIDepth, KITTISemantic
from .listed_dataset import ListedDataset
from .multi_dataset import MultiDataset, combine_metainfo
from .multi_dataset_sampler import MultiDatasetSampler
from .multi_task_dataset import MultiTaskDataset
from .nyud_multi_task import NYUDMultiTask
from .nyudv2 import KINECT_INTRINSICS, NYUDv2
from .pascal_context import PASCALContext
from .pseudo_label_files import PseudoLabels
from .readers import (
    find_reader,
    read_classes,
    read_colours,
    read_depth,
    read_image,
    read_map,
    read_normals,
)
from .sample_cache import SampleCache
from .sample_files import SampleFiles
from .seeded_draw import draw_seed, seeded_draw
from .seeded_sampler import SeededInfiniteSampler, SeededSampler
from .seven_scenes import SevenScenes
from .synthrooms import SynthRooms
from .transforms import (
    Compose,
    EdgesFromLabels,
    PackSample,
    Pipeline,
    RandomApply,
    RandomChoice,
    RandomCrop,
    RandomOrder,
    RandomRotation,
    RandomZoom,
    Resize,
    ResizeInput,
)

__all__ = [
    "BSDS500",
    "KINECT_INTRINSICS",
    "KITTI6",
    "CamVid",
    "Cityscapes",
    "Compose",
    "DataError",
    "EdgesFromLabels",
    "IDDLite",
    "KITTIDepth",
    "KITTISemantic",
    "ListedDataset",
    "MultiDataset",
    "MultiDatasetSampler",
    "MultiTaskDataset",
    "NYUDMultiTask",
    "NYUDv2",
    "PASCALContext",
    "PackSample",
    "Pipeline",
    "PseudoLabels",
    "RandomApply",
    "RandomChoice",
    "RandomCrop",
    "RandomOrder",
    "RandomRotation",
    "RandomZoom",
    "Resize",
    "ResizeInput",
    "SampleCache",
    "SampleFiles",
    "SeededInfiniteSampler",
    "SeededSampler",
    "SevenScenes",
    "SynthRooms",
    "block_split",
    "combine_metainfo",
    "draw_seed",
    "find_reader",
    "holdout_split",
    "innermost_datasets",
    "read_classes",
    "read_colours",
    "read_depth",
    "read_image",
    "read_map",
    "read_normals",
    "seeded_draw",
]
