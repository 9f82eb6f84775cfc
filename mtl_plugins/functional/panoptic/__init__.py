"""Panoptic segmentation: ids of segments, the targets of Panoptic-DeepLab, grouping, PNG files and panoptic quality."""

from .encode_png import decode_panoptic, encode_panoptic
from .group_instances import find_centres, group_instances, panoptic_map
from .losses import centre_loss, class_loss, offset_loss
from .quality import panoptic_scores, panoptic_statistics
from .segment_ids import INSTANCES_PER_CLASS, PANOPTIC_VOID, join_segments, split_segments
from .targets import centre_heat_map, instance_offsets

__all__ = [
    "INSTANCES_PER_CLASS",
    "PANOPTIC_VOID",
    "centre_heat_map",
    "centre_loss",
    "class_loss",
    "decode_panoptic",
    "encode_panoptic",
    "find_centres",
    "group_instances",
    "instance_offsets",
    "join_segments",
    "offset_loss",
    "panoptic_map",
    "panoptic_scores",
    "panoptic_statistics",
    "split_segments",
]
