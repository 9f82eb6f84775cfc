from pathlib import Path

import torch
from torchvision import tv_tensors

from mtl_plugins.images import decode_image_file

from ..data_error import DataError


def read_instances(path: str | Path) -> tv_tensors.Mask:
    """Read numbers of instances from an 8- or 16-bit grey PNG, int32 (1, H, W); 0 belongs to no instance."""
    stored = decode_image_file(path)
    if len(stored) != 1 or stored.dtype not in (torch.uint8, torch.uint16):
        raise DataError(
            f"{path}: instances are stored in 8- or 16-bit grey PNGs, not in {len(stored)} channels of {stored.dtype}."
        )
    return tv_tensors.Mask(stored.to(torch.int32))
