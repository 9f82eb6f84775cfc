"""KITTI's calibration files: ``<date>/calib_cam_to_cam.txt`` and ``calib_velo_to_cam.txt`` of the raw data."""

from pathlib import Path

import torch

from mtl_plugins.functional.lidar import lidar_projection

from ..errors import DataError
from .raw_layout import URL

_CAMERAS, _LIDAR = "calib_cam_to_cam.txt", "calib_velo_to_cam.txt"


class CalibrationMissing(FileNotFoundError):
    """A calibration file is not there; the message says where it comes from."""


def read_calibration(path: Path) -> dict[str, list[float]]:
    """Lines such as ``P_rect_02: 7.2e+02 0.0e+00 …`` as ``{'P_rect_02': [720.0, 0.0, …]}``; others are passed over.

    Raises:
        CalibrationMissing: no such file.
    """
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        date = path.parent.name
        raise CalibrationMissing(
            f"there is no {path}. It comes in {URL}/raw_data/{date}_calib.zip: unpack that into {path.parent.parent}."
        ) from None
    values = {}
    for key, _, rest in (line.partition(":") for line in text.splitlines()):
        try:
            values[key.strip()] = [float(number) for number in rest.split()]
        except ValueError:
            continue  # calib_time
    return values


def read_intrinsics(path: Path, camera: int) -> tuple[float, float, float, float]:
    """fx, fy, cx, cy of a rectified camera, in pixels of its images, out of a ``calib_cam_to_cam.txt``."""
    projection = _matrix(path, f"P_rect_{camera:02d}", 3, 4).tolist()
    return projection[0][0], projection[1][1], projection[0][2], projection[1][2]


def intrinsics_of(raw_root: Path, date: str, camera: int) -> tuple[float, float, float, float]:
    """`read_intrinsics` of a day's camera.

    Raises:
        CalibrationMissing, DataError: the file is not there, or lacks the camera.
    """
    return read_intrinsics(raw_root / date / _CAMERAS, camera)


def projection_of(raw_root: Path, date: str, camera: int) -> torch.Tensor:
    """`lidar_projection`, (3, 4) float64, from the laser scanner of a day to one of its cameras.

    Raises:
        CalibrationMissing, DataError: a file is not there, or lacks a matrix.
    """
    cameras, lidar = raw_root / date / _CAMERAS, raw_root / date / _LIDAR
    return lidar_projection(
        _matrix(lidar, "R", 3, 3),
        _matrix(lidar, "T", 3),
        _matrix(cameras, "R_rect_00", 3, 3),
        _matrix(cameras, f"P_rect_{camera:02d}", 3, 4),
    )


def _matrix(path, key, *shape):
    values = read_calibration(path).get(key, [])
    try:
        return torch.tensor(values, dtype=torch.float64).view(shape)
    except RuntimeError:
        raise DataError(
            f"{path}: {key} must be {' × '.join(map(str, shape))} numbers, but there are {len(values)}. Is the file "
            "cut off? Unpack the day's *_calib.zip again."
        ) from None
