from pathlib import Path

import torch
from torchvision import tv_tensors

from mtl_plugins.images import StoredImage, read_stored_image


def read_image(path: str | Path) -> tv_tensors.Image:
    """Read an image as uint8 RGB (3, H, W), turned as its EXIF orientation demands.

    Grey, palette, CMYK, RGBA and 16-bit images are converted.
    """
    return tv_tensors.Image(read_image_and_orientation(path).turned())


def read_image_and_orientation(path: str | Path) -> StoredImage:
    """Read the stored pixels of an image as uint8 RGB (3, H, W), and its EXIF orientation."""
    image = read_stored_image(path, "RGB")
    if image.pixels.dtype == torch.uint16:
        image = image._replace(pixels=(image.pixels.to(torch.int32) >> 8).to(torch.uint8))
    return image
