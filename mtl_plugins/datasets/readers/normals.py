from pathlib import Path

import torch

from mtl_plugins.functional import decode_normals
from mtl_plugins.structures import NormalMap

from ..data_error import DataError
from ..image_decoder import decode_file
from .empty_label import none_if_empty


def read_normals(path: str | Path) -> NormalMap | None:
    """Read unit normals, float32 (3, H, W), from an 8-bit RGB PNG; see `decode_normals` for the encoding.

    Returns:
        The normals, or None (with a warning) if no pixel has one.
    """
    raw = decode_file(path)
    if raw.shape[0] != 3 or raw.dtype != torch.uint8:
        raise DataError(
            f"{path} has {raw.shape[0]} channels of {raw.dtype}, but normals are stored as an 8-bit RGB PNG."
        )
    return none_if_empty(NormalMap(decode_normals(raw)), path, "no valid normal")
