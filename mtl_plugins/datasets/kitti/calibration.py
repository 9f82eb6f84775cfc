"""Reads KITTI's calibration files: `calib_cam_to_cam.txt` and `calib_velo_to_cam.txt` of each date."""

from pathlib import Path

import torch

from mtl_plugins.functional import lidar_projection

from ..data_error import DataError
from .official_data import URL

_CAMERAS, _LIDAR = "calib_cam_to_cam.txt", "calib_velo_to_cam.txt"


class CalibrationMissing(FileNotFoundError):
    """A calibration file is missing; the message says where to download it."""


def read_calibration(path: Path) -> dict[str, list[float]]:
    """Read lines such as `P_rect_02: 7.2e+02 0.0e+00 …` as `{'P_rect_02': [720.0, 0.0, …]}`; ignores other lines.

    Raises:
        CalibrationMissing: The file does not exist.
    """
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        date = path.parent.name
        raise CalibrationMissing(
            f"{path} does not exist. It is part of {URL}/raw_data/{date}_calib.zip: unpack that into "
            f"{path.parent.parent}."
        ) from None
    values = {}
    for key, _, rest in (line.partition(":") for line in text.splitlines()):
        try:
            values[key.strip()] = [float(number) for number in rest.split()]
        except ValueError:
            continue  # calib_time
    return values


def read_intrinsics(path: Path, camera: int) -> tuple[float, float, float, float]:
    """Read fx, fy, cx, cy of a rectified camera, in pixels of its images, from a `calib_cam_to_cam.txt`."""
    projection = _read_matrix(path, f"P_rect_{camera:02d}", 3, 4).tolist()
    return projection[0][0], projection[1][1], projection[0][2], projection[1][2]


def read_camera_intrinsics(raw_root: Path, date: str, camera: int) -> tuple[float, float, float, float]:
    """Read fx, fy, cx, cy of a camera on a date of the raw data.

    Raises:
        CalibrationMissing: The calibration file does not exist.
        DataError: The calibration file has no such camera.
    """
    return read_intrinsics(raw_root / date / _CAMERAS, camera)


def lidar_to_image(raw_root: Path, date: str, camera: int) -> torch.Tensor:
    """The projection from the laser scanner to a camera's image, (3, 4) float64; see `lidar_projection`.

    Raises:
        CalibrationMissing: A calibration file does not exist.
        DataError: A calibration file has no such matrix.
    """
    cameras, lidar = raw_root / date / _CAMERAS, raw_root / date / _LIDAR
    return lidar_projection(
        _read_matrix(lidar, "R", 3, 3),
        _read_matrix(lidar, "T", 3),
        _read_matrix(cameras, "R_rect_00", 3, 3),
        _read_matrix(cameras, f"P_rect_{camera:02d}", 3, 4),
    )


def _read_matrix(path: Path, key: str, *shape: int) -> torch.Tensor:
    values = read_calibration(path).get(key, [])
    try:
        return torch.tensor(values, dtype=torch.float64).view(shape)
    except RuntimeError:
        raise DataError(
            f"{path}: {key} must have {' × '.join(map(str, shape))} numbers, but it has {len(values)}. Is the file "
            "truncated? Unpack the *_calib.zip of the date again."
        ) from None
