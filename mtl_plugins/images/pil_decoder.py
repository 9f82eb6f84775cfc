"""Decoding with PIL: the formats that torchvision does not read, or only in part."""

import io
import re
from typing import Any

import numpy as np
import torch
from PIL import BmpImagePlugin, ExifTags, GifImagePlugin, PngImagePlugin, TiffImagePlugin, WebPImagePlugin
from PIL.ImageFile import ImageFile

from .image_problem import ImageProblem, damaged
from .pixel_limit import check_pixels
from .turn import inverse_orientation, turn

# The classes instead of `Image.open`: no other format is tried, and the pixel limit is ours.
_CLASSES: dict[str, type[ImageFile]] = dict(
    BMP=BmpImagePlugin.BmpImageFile,
    GIF=GifImagePlugin.GifImageFile,
    PNG=PngImagePlugin.PngImageFile,
    TIFF=TiffImagePlugin.TiffImageFile,
    WebP=WebPImagePlugin.WebPImageFile,
)
_UNSUPPORTED = re.compile(r"unsupported|unknown pixel mode|not supported|unknown raw mode|unrecognized .*mode", re.I)
_NUMBERS = ("I", "F")  # 32-bit integers and floats
_BITS_PER_SAMPLE = 258


def decode_with_pil(data: bytes | bytearray, name: str, mode: str) -> tuple[torch.Tensor, int]:
    """Decode the first image of a file.

    Args:
        data: The content of the file.
        name: Its format, as `find_format` returns it.
        mode: `'RGB'` or `'UNCHANGED'`; see `decode_image_file`.

    Returns:
        The stored pixels (C, H, W), and the EXIF orientation of a TIFF (1 for other formats).

    Raises:
        ImageProblem: The file is damaged or of an unsupported kind, or it has too many pixels.
    """
    try:
        return _decode(_CLASSES[name](io.BytesIO(data)), name, mode)
    except (ImageProblem, MemoryError):
        raise
    except Exception as error:  # PIL's parsers raise errors of many types for damaged files
        text = (str(error) or type(error).__name__).split("\n")[0].rstrip(".")
        if _UNSUPPORTED.search(text):
            raise ImageProblem(f"this kind of {name} is not supported ({text})", "Convert it to PNG.") from None
        raise damaged(text) from None


def _decode(image: ImageFile, name: str, mode: str) -> tuple[torch.Tensor, int]:
    check_pixels(*image.size)
    orientation, deep = 1, False
    tags: Any = getattr(image, "tag_v2", {}) if name == "TIFF" else {}
    if tags:
        value = tags.get(ExifTags.Base.Orientation, 1)
        orientation = value if value in range(1, 9) else 1
        deep = max(tags.get(_BITS_PER_SAMPLE, (8,))) > 8 and image.mode in ("RGB", "RGBA", "CMYK")
    if deep and mode != "RGB":
        raise ImageProblem("this kind of TIFF is not supported (16 bits in several channels)", "Convert it to PNG.")
    image.load()
    pixels = _to_tensor(image, mode)
    if orientation != 1 and ExifTags.Base.Orientation not in image.tag_v2:  # type: ignore[attr-defined]  # a TIFF
        pixels = turn(pixels, inverse_orientation(orientation))  # PIL has turned it already
    return pixels, orientation


def _to_tensor(image: Any, mode: str) -> torch.Tensor:
    if mode == "RGB" and image.mode in _NUMBERS:
        raise ImageProblem(
            "it stores 32-bit numbers, but an image has 8 or 16 bits", "Convert it to PNG, or read it as a label."
        )
    sixteen = image.mode.startswith("I;16")
    if mode == "RGB" and not sixteen:
        image = image.convert("RGB")
    array = np.asarray(image)
    if array.dtype == bool:
        array = array.astype(np.uint8)
    array = np.array(array, dtype=array.dtype.newbyteorder("="))
    tensor = torch.from_numpy(array)
    tensor = tensor[None] if tensor.ndim == 2 else tensor.permute(2, 0, 1)
    return tensor.expand(3, -1, -1) if mode == "RGB" and sixteen else tensor
