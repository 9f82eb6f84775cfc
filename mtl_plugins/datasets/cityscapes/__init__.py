"""Cityscapes: the dataset, its camera files and its disparity maps."""

from .cityscapes import Cityscapes
from .disparity_reader import find_camera_file, read_disparity, read_metres
from .stereo_camera import StereoCamera, read_camera

__all__ = ["Cityscapes", "StereoCamera", "find_camera_file", "read_camera", "read_disparity", "read_metres"]
