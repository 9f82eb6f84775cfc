import io

import numpy as np
import torch
from numpy.lib import format as npy_format

from .image_problem import ImageProblem, damaged
from .pixel_limit import check_pixels

_MAX_DIMENSIONS = 4
_HEADERS = {(1, 0): npy_format.read_array_header_1_0, (2, 0): npy_format.read_array_header_2_0}


def decode_npy(data: bytes) -> torch.Tensor:
    """The array in an NPY file. Objects, which would be unpickled, are refused.

    Raises:
        ImageProblem: The file is truncated or damaged, or contains something else than numbers in at most 4 dimensions.
    """
    file = io.BytesIO(data)
    try:
        shape, in_columns, dtype = _HEADERS[npy_format.read_magic(file)](file)
    except Exception as error:  # numpy evaluates the header as a Python literal, which fails in many ways
        raise damaged(f"the header of the NPY is invalid: {error}") from None
    if dtype.hasobject or dtype.kind not in "biuf" or dtype.itemsize > 8:
        raise ImageProblem(
            f"the NPY contains values of type {dtype}, but only integers and floats of at most 64 bits are read",
            "Save it again, for example with np.save(path, array.astype(np.float32)).",
        )
    if len(shape) > _MAX_DIMENSIONS or any(length < 0 for length in shape):
        raise ImageProblem(
            f"the NPY contains an array of shape {shape}, but a map has the shape (H, W) or (C, H, W)",
            "Save each map in a file of its own.",
        )
    count = int(np.prod(shape, dtype=object))
    check_pixels(count, 1)
    start, size = file.tell(), count * dtype.itemsize
    if len(data) - start != size:
        raise damaged(f"the NPY contains {len(data) - start:,} bytes of values, but its header states {size:,}")
    array = np.frombuffer(data, dtype, count, start).reshape(shape, order="F" if in_columns else "C")
    kind = dtype.newbyteorder("=") if dtype.kind != "u" or dtype.itemsize < 4 else np.dtype(np.int64)
    return torch.from_numpy(np.array(array, dtype=kind, order="C"))
