from pathlib import Path

import numpy as np
import torch

from ..data_error import DataError

_VALUES_PER_POINT = 4


def read_laser_scan(path: Path) -> torch.Tensor:
    """Read a KITTI laser scan, (N, 4) float32: x, y, z in metres (forward, left, up), and reflectance.

    Raises:
        FileNotFoundError: The file does not exist.
        DataError: The file is empty or truncated.
    """
    try:
        values = np.fromfile(path, np.float32)
        size = path.stat().st_size
    except OSError as error:
        raise type(error)(f"cannot read {path}: {error.strerror}.") from None
    if not size or size % (_VALUES_PER_POINT * values.itemsize):
        raise DataError(
            f"{path} ({size:,} bytes) is not a laser scan with {_VALUES_PER_POINT} float32 values per point. It is "
            "empty or truncated: unpack the drive's *_sync.zip again."
        )
    return torch.from_numpy(values).view(-1, _VALUES_PER_POINT)
