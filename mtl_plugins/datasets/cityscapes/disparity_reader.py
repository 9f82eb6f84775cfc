"""Reads Cityscapes' disparity maps as disparity in pixels or depth in metres."""

from pathlib import Path

import torch

from mtl_plugins.functional import decode_disparity, disparity_to_depth
from mtl_plugins.images import decode_image_file
from mtl_plugins.structures import DepthMap, DisparityMap

from ..data_error import DataError
from ..readers import limit_depth, none_if_empty
from ..readers.depth import DepthRange
from .stereo_camera import read_camera

CAMERA_FOLDER = "camera"
_CAMERA_ENDING = f"_{CAMERA_FOLDER}.json"


def find_camera_file(path: Path) -> Path:
    """The camera file that belongs to an image or a disparity map."""
    city, (kind, split) = path.parent, path.parts[-4:-2]
    stem = path.name.removesuffix(f"_{kind}.png")
    return city.parents[2] / CAMERA_FOLDER / split / city.name / (stem + _CAMERA_ENDING)


def read_disparity(path: Path) -> DisparityMap | None:
    """Read disparity in pixels, float32 (1, H, W); 0 means no reading.

    Returns:
        The disparity, or None (with a warning) if there is no reading.
    """
    raw = decode_image_file(path)
    if raw.shape[0] != 1 or raw.dtype != torch.uint16:
        raise DataError(
            f"{path} has {raw.shape[0]} channels of {raw.dtype}, but disparity is stored as a 16-bit grey PNG: "
            "256 · pixels + 1, 0 for no reading."
        )
    return none_if_empty(DisparityMap(decode_disparity(raw)), path, "no reading")


def read_metres(path: Path, depth_range: DepthRange | None = None) -> DepthMap | None:
    """Read a disparity map and its camera file as depth in metres, float32 (1, H, W); 0 means no reading.

    Returns:
        The depth, or None (with a warning) if no reading is within `depth_range`.
    """
    disparity = read_disparity(path)
    if disparity is None:
        return None
    camera = read_camera(find_camera_file(path))
    depth = disparity_to_depth(disparity.as_subclass(torch.Tensor), camera.baseline, camera.fx)
    return limit_depth(depth, depth_range, path)
