"""Reads KITTI's calibration files: `calib_cam_to_cam.txt` and `calib_velo_to_cam.txt` of each date."""

import math
from pathlib import Path

import torch

from mtl_plugins.files import read_lines
from mtl_plugins.functional import lidar_projection

from ..camera_values import Camera, check_camera, parse_number
from ..data_error import DataError
from .official_data import URL

_CAMERAS, _LIDAR = "calib_cam_to_cam.txt", "calib_velo_to_cam.txt"
_ADVICE = "Unpack the *_calib.zip of the date again."


class CalibrationMissing(FileNotFoundError):
    """A calibration file is missing; the message says where to download it."""


def read_calibration(path: Path) -> dict[str, tuple[str, list[str]]]:
    """Read lines such as `P_rect_02: 7.2e+02 0.0e+00 …` as `{'P_rect_02': (file and line, ['7.2e+02', …])}`.

    Raises:
        CalibrationMissing: The file does not exist.
        DataError: The file is not text, or a key occurs twice with different values.
    """
    if not path.exists():
        date = path.parent.name
        raise CalibrationMissing(
            f"{path} does not exist. It is part of {URL}/raw_data/{date}_calib.zip: unpack that into "
            f"{path.parent.parent}."
        )
    found: dict[str, tuple[str, list[str]]] = {}
    for line in read_lines(path):
        key, _, rest = line.text.partition(":")
        values = rest.split()
        if found.setdefault(key.strip(), (line.place, values))[1] != values:
            raise DataError(f"{line.place}: {key.strip()} has other values on an earlier line. {_ADVICE}")
    return found


def read_intrinsics(path: Path, camera: int) -> Camera:
    """Read fx, fy, cx, cy of a rectified camera, in pixels of its images, from a `calib_cam_to_cam.txt`."""
    key = f"P_rect_{camera:02d}"
    projection = _read_matrix(path, key, 3, 4).tolist()
    try:
        return check_camera((projection[0][0], projection[1][1], projection[0][2], projection[1][2]))
    except ValueError as error:
        raise DataError(f"{path}: {key}: {error}. {_ADVICE}") from None


def read_camera_intrinsics(raw_root: Path, date: str, camera: int) -> Camera:
    """Read fx, fy, cx, cy of a camera on a date of the raw data.

    Raises:
        CalibrationMissing: The calibration file does not exist.
        DataError: The calibration file has no such camera, or one with invalid numbers.
    """
    return read_intrinsics(raw_root / date / _CAMERAS, camera)


def lidar_to_image(raw_root: Path, date: str, camera: int) -> torch.Tensor:
    """The projection from the laser scanner to a camera's image, (3, 4) float64; see `lidar_projection`.

    Raises:
        CalibrationMissing: A calibration file does not exist.
        DataError: A calibration file has no such matrix, or one with invalid numbers.
    """
    cameras, lidar = raw_root / date / _CAMERAS, raw_root / date / _LIDAR
    return lidar_projection(
        _read_matrix(lidar, "R", 3, 3),
        _read_matrix(lidar, "T", 3),
        _read_matrix(cameras, "R_rect_00", 3, 3),
        _read_matrix(cameras, f"P_rect_{camera:02d}", 3, 4),
    )


def _read_matrix(path: Path, key: str, *shape: int) -> torch.Tensor:
    place, cells = read_calibration(path).get(key, (str(path), []))
    if len(cells) != math.prod(shape):
        raise DataError(
            f"{place}: {key} must have {' × '.join(map(str, shape))} numbers, but it has {len(cells)}. Is the file "
            f"truncated? {_ADVICE}"
        )
    try:
        values = [parse_number(cell) for cell in cells]
    except ValueError as error:
        raise DataError(f"{place}: {key}: {error}. {_ADVICE}") from None
    return torch.tensor(values, dtype=torch.float64).view(shape)
