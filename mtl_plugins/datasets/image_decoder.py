from pathlib import Path

import torch

from mtl_plugins.images import decode_image_file


def decode_file(path: str | Path, mode: str = "UNCHANGED") -> torch.Tensor:
    """Decode an image file to a tensor (C, H, W), turned as viewers show it; see `images.read_stored_image`.

    Args:
        path: The image file.
        mode: `'RGB'` converts grey, palette and RGBA images to three channels. `'UNCHANGED'` keeps the stored values,
            which are the indices of a palette image.

    Raises:
        FileNotFoundError: The file does not exist.
        DataError: The file is truncated, damaged, too large, not an image, or of an unsupported format.
    """
    return decode_image_file(path, mode)
