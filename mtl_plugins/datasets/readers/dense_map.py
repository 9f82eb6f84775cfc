from pathlib import Path

import torch

from mtl_plugins.images import decode_image_file
from mtl_plugins.structures import DenseMap


def read_map(path: str | Path) -> DenseMap:
    """Read any map of numbers, such as saliency: float32 (C, H, W).

    The integers of an image are scaled to 0…1; the numbers of an NPY file or a float32 TIFF are kept.
    """
    raw = decode_image_file(path)
    if raw.dtype not in (torch.uint8, torch.uint16):
        return DenseMap(raw)
    return DenseMap(raw.to(torch.float32).div_(torch.iinfo(raw.dtype).max))
