from collections.abc import Sequence
from pathlib import Path

import torch

from mtl_plugins.functional import unit_vectors
from mtl_plugins.images import read_stored_image, turn
from mtl_plugins.structures import NormalMap

from ..data_error import DataError
from .empty_label import none_if_empty

_MIN_LENGTH = 0.5  # shorter vectors are invalid


def read_vectors(path: str | Path, signs: Sequence[float] = (1, -1, -1)) -> NormalMap | None:
    """Read normals that are stored as x, y, z: unit vectors, float32 (3, H, W).

    Args:
        path: An 8-bit RGB image of (v + 1) · 127.5, or an NPY file with the vectors, (3, H, W) or (H, W, 3).
        signs: Factors of x, y and z. The default is for files in which y points up and z towards the camera.

    Returns:
        The normals, (0, 0, 0) where a vector is shorter than 0.5 or not finite; or None (with a warning) if no pixel
        has one.

    Raises:
        DataError: The file has another number of channels.
    """
    raw, orientation = read_stored_image(path)
    if raw.ndim != 3 or len(raw) != 3:
        raise DataError(f"{path} has the shape {tuple(raw.shape)}, but normals have three channels.")
    vectors = raw.float() if raw.is_floating_point() else raw.float() / 127.5 - 1
    vectors = vectors * torch.tensor(signs, dtype=torch.float32).view(3, 1, 1)
    valid = vectors.isfinite().all(0) & (vectors.norm(dim=0) >= _MIN_LENGTH)
    normals = unit_vectors(vectors.masked_fill(~valid, 0)[None])[0]
    return none_if_empty(turn(NormalMap(normals), orientation), path, "no valid normal")
