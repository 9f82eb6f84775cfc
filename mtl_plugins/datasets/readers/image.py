from pathlib import Path

import torch
from torchvision import tv_tensors

from ..image_decoder import decode_file


def read_image(path: str | Path) -> tv_tensors.Image:
    """Read an image as uint8 RGB (3, H, W); grey, palette, RGBA and 16-bit images are converted."""
    image = decode_file(path, "RGB")
    if image.dtype == torch.uint16:
        image = (image.to(torch.int32) >> 8).to(torch.uint8)
    return tv_tensors.Image(image)
