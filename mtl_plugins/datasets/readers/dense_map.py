from pathlib import Path

import torch

from mtl_plugins.structures import DenseMap

from ..image_decoder import decode_file


def read_map(path: str | Path) -> DenseMap:
    """Read any map of numbers, such as saliency: float32 (C, H, W), the 8 or 16 bits of the file scaled to 0…1."""
    raw = decode_file(path)
    return DenseMap(raw.to(torch.float32).div_(torch.iinfo(raw.dtype).max))
