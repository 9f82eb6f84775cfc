from pathlib import Path

import torch

from mtl_plugins.images import decode_image_file

from ..data_error import DataError


def decode_single_channel(path: str | Path, what: str) -> torch.Tensor:
    """Decode an image file that must have one channel, (1, H, W).

    Args:
        path: The image file.
        what: What the file contains, for the error message.

    Raises:
        DataError: The file has several channels.
    """
    raw = decode_image_file(path)
    if raw.ndim != 3:
        raise DataError(f"{path} contains {len(raw)} numbers, but {what} has the shape (H, W).")
    if raw.shape[0] != 1:
        raise DataError(
            f"{path} has {raw.shape[0]} channels, but {what} has one. Is it a coloured visualization? Use the file "
            "that contains the values."
        )
    return raw
