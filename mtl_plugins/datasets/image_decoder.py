import io
import re
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torchvision.io import ImageReadMode, decode_image

from .data_error import DataError
from .png_check import SIGNATURE, PngHeader, check_png


def decode_file(path: str | Path, mode: str = "UNCHANGED") -> torch.Tensor:
    """Decode an image file (JPEG, PNG, WebP or GIF) to a tensor (C, H, W), uint8 or uint16 as stored.

    Args:
        path: The image file.
        mode: A name of torchvision's `ImageReadMode`. `'RGB'` converts grey, palette and RGBA images to three channels.
            `'UNCHANGED'` keeps the stored values, which are the indices of a palette image.

    Raises:
        FileNotFoundError: The file does not exist.
        DataError: The file is truncated, damaged or not an image.
    """
    try:
        with open(path, "rb") as file:
            data = file.read()
    except OSError as error:
        raise type(error)(f"cannot read {path}: {error.strerror}.") from None
    try:
        if data.startswith(SIGNATURE):
            header = check_png(data)
            if header.bit_depth < 8 and mode == "UNCHANGED":  # torchvision rescales these values
                return _decode_few_bits(data, header)
        return decode_image(torch.frombuffer(bytearray(data), dtype=torch.uint8), ImageReadMode[mode])
    except (ValueError, RuntimeError, OSError) as error:
        raise DataError(
            f"cannot decode {path} ({len(data):,} bytes): {_reason(data, error)}. Download or create it again, "
            "or remove it from the list."
        ) from None


def _reason(data: bytes, error: Exception) -> str:
    text = str(error).split("\n")[0]
    if not data:
        return "the file is empty"
    if "Unsupported image file" in text:
        return "it is not a JPEG, PNG, WebP or GIF file"
    reason = re.sub(r"^.*\.cpp:\d+, ", "", text).rstrip(".")  # without the place in torchvision's source
    return f"the file is truncated or damaged ({reason})"


def _decode_few_bits(data: bytes, header: PngHeader) -> torch.Tensor:
    image = np.array(Image.open(io.BytesIO(data)), dtype=np.uint8)
    if header.bit_depth > 1 and not header.is_palette:  # PIL stretches 2 and 4 bits of grey to 0…255
        image //= 255 // (2**header.bit_depth - 1)
    return torch.from_numpy(image)[None]
