import io

import numpy as np
import torch
from PIL import Image
from torchvision.io import ImageReadMode, decode_image

from .errors import DataError
from .png import SIGNATURE, check_png


def decode_file(path, mode="UNCHANGED"):
    """Decode a JPEG or PNG (also WebP, GIF) as (C, H, W), uint8 or uint16 as stored.

    Args:
        path: the file.
        mode: ``'RGB'`` makes three channels of grey, palette and RGBA; ``'UNCHANGED'`` gives what is stored,
            and of a palette the indices.

    Raises:
        FileNotFoundError, DataError: naming the file and what is wrong with it.
    """
    try:
        with open(path, "rb") as file:
            data = file.read()
    except OSError as error:
        raise type(error)(f"cannot read {path}: {error.strerror}.") from None
    try:
        if data.startswith(SIGNATURE):
            header = check_png(data)
            if header.bit_depth < 8 and mode == "UNCHANGED":  # torchvision gives other numbers than are stored
                return _decode_few_bits(data, header)
        return decode_image(torch.frombuffer(bytearray(data), dtype=torch.uint8), ImageReadMode[mode])
    except (ValueError, RuntimeError, OSError) as error:
        reason = "the file is empty" if not data else str(error).split("\n")[0].rsplit(".cpp:", 1)[-1]
        raise DataError(
            f"cannot decode {path} ({len(data):,} bytes): {reason}. It is cut off, damaged or no JPEG / PNG: "
            f"fetch or make it again, or take it out of the list."
        ) from None


def _decode_few_bits(data, header):
    image = np.array(Image.open(io.BytesIO(data)), dtype=np.uint8)
    if header.bit_depth > 1 and not header.is_palette:  # PIL stretches 2 and 4 bits of grey to 0…255
        image //= 255 // (2**header.bit_depth - 1)
    return torch.from_numpy(image)[None]
