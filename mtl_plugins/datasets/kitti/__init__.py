"""KITTI: the datasets, and how the files of its official folders are found and read."""

from .calibration import CalibrationMissing, lidar_to_image, read_calibration, read_camera_intrinsics, read_intrinsics
from .frame import Frame, FrameFiles
from .frame_finder import FrameFinder, annotated_frames
from .frame_list import read_frame_list
from .kitti6 import KITTI6
from .kitti_depth import KITTIDepth
from .kitti_semantic import KITTISemantic
from .laser_scan_reader import read_laser_scan

__all__ = [
    "KITTI6",
    "CalibrationMissing",
    "Frame",
    "FrameFiles",
    "FrameFinder",
    "KITTIDepth",
    "KITTISemantic",
    "annotated_frames",
    "lidar_to_image",
    "read_calibration",
    "read_camera_intrinsics",
    "read_frame_list",
    "read_intrinsics",
    "read_laser_scan",
]
