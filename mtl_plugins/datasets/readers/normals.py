from pathlib import Path

import torch

from mtl_plugins.functional import decode_normals
from mtl_plugins.images import read_stored_image, turn
from mtl_plugins.structures import NormalMap

from ..data_error import DataError
from .empty_label import none_if_empty


def read_normals(path: str | Path) -> NormalMap | None:
    """Read unit normals, float32 (3, H, W).

    Args:
        path: An 8-bit RGB PNG (see `decode_normals` for the encoding), or an NPY file with the vectors.

    Returns:
        The normals, or None (with a warning) if no pixel has one.
    """
    raw, orientation = read_stored_image(path)
    if raw.ndim == 3 and raw.shape[0] == 3 and raw.is_floating_point():
        normals = NormalMap(torch.where(raw.isfinite().all(0), raw, 0))
    elif raw.shape[0] == 3 and raw.dtype == torch.uint8:
        normals = NormalMap(decode_normals(raw))
    else:
        raise DataError(
            f"{path} has {raw.shape[0]} channels of {raw.dtype}, but normals are stored as an 8-bit RGB PNG."
        )
    return none_if_empty(turn(normals, orientation), path, "no valid normal")
