import numpy as np
import torch

from ..errors import DataError

_NUMBERS = 4  # a point


def read_scan(path):
    """A laser scan of KITTI, (N, 4) float32: x, y, z in metres (forward, left, up), and reflectance.

    Raises:
        FileNotFoundError, DataError: naming the file and what is wrong with it.
    """
    try:
        values = np.fromfile(path, np.float32)
        size = path.stat().st_size
    except OSError as error:
        raise type(error)(f"cannot read {path}: {error.strerror}.") from None
    if not size or size % (_NUMBERS * values.itemsize):
        raise DataError(
            f"{path} ({size:,} bytes) is no laser scan, which has {_NUMBERS} float32 a point. It is empty or cut off: "
            "unpack the drive's *_sync.zip again."
        )
    return torch.from_numpy(values).view(-1, _NUMBERS)
