"""Decoding image files of all supported formats."""

import re
from pathlib import Path
from typing import NamedTuple

import torch
from torchvision.io import ImageReadMode, decode_image

from mtl_plugins.files import DataError, read_regular_file

from .formats import NPY, find_format
from .image_problem import ImageProblem, damaged
from .jpeg import read_jpeg_header
from .npy import decode_npy
from .pil_decoder import decode_with_pil
from .pixel_limit import check_pixels
from .png import PngHeader, check_png
from .turn import turn, turned_size
from .webp import read_webp_header

_ADVICE = "Download or create it again, or remove it from the list."


class StoredImage(NamedTuple):
    """An image as it is stored, and how viewers turn it.

    Attributes:
        pixels: The stored pixels, (C, H, W).
        orientation: The EXIF orientation, 1 … 8; 1 means that the stored pixels are upright.
    """

    pixels: torch.Tensor
    orientation: int

    @property
    def stored_size(self) -> tuple[int, int]:
        """(H, W) of the stored pixels."""
        return self.pixels.shape[-2], self.pixels.shape[-1]

    @property
    def shown_size(self) -> tuple[int, int]:
        """(H, W) of the image as viewers show it."""
        return turned_size(self.stored_size, self.orientation)

    def turned(self) -> torch.Tensor:
        """The pixels as viewers show them."""
        return turn(self.pixels, self.orientation)


def decode_image_file(path: str | Path, mode: str = "UNCHANGED") -> torch.Tensor:
    """Decode an image file and turn it as its EXIF orientation demands; see `read_stored_image`."""
    return read_stored_image(path, mode).turned()


def read_stored_image(path: str | Path, mode: str = "UNCHANGED") -> StoredImage:
    """Decode an image file: JPEG, PNG, WebP, GIF, BMP or TIFF; of several images or frames the first.

    No file can end the process or use more memory than its pixels need. See `pixel_limit` for the largest size.

    Args:
        path: The file.
        mode: `'RGB'` converts grey, palette, CMYK and RGBA images to three channels. `'UNCHANGED'` keeps the stored
            values, which are the indices of a palette image; it also reads the array of an NPY file.

    Returns:
        The pixels (C, H, W), uint8 or uint16, and the EXIF orientation. TIFF and NPY files may also contain other
        numbers.

    Raises:
        FileNotFoundError: The file does not exist.
        DataError: The file is truncated, damaged, too large, not an image, or of an unsupported format.
    """
    data = _read(path)
    try:
        return _decode(data, mode)
    except MemoryError:
        problem = ImageProblem("the memory does not suffice for it", "Use a smaller image.")
    except ImageProblem as error:
        problem = error
    raise DataError(f"cannot decode {path} ({len(data):,} bytes): {problem.reason}. {problem.advice or _ADVICE}")


def _read(path: str | Path) -> bytes:
    try:
        return read_regular_file(path)
    except OSError as error:
        raise type(error)(f"cannot read {path}: {error.strerror}.") from None
    except ValueError as error:  # a path with a null byte
        raise DataError(f"cannot read {path}: {error}.") from None


def _decode(data: bytes, mode: str) -> StoredImage:
    name, orientation, buffer = find_format(data), 1, bytearray()
    if name == NPY:
        if mode == "RGB":
            raise ImageProblem("it is an array (NPY), not an image", "Convert it to PNG.")
        return StoredImage(_as_map(decode_npy(data)), 1)
    if name == "PNG":
        png = check_png(data)
        if png.header.bit_depth < 8 and mode == "UNCHANGED":  # torchvision rescales these values
            return StoredImage(_decode_few_bits(png.data, png.header), png.orientation)
        buffer, orientation = png.data, png.orientation
    elif name == "JPEG":
        width, height, orientation = read_jpeg_header(data)
        check_pixels(width, height)
    elif name == "WebP":
        width, height, animated, orientation = read_webp_header(data)
        check_pixels(width, height)
        if animated:
            return StoredImage(decode_with_pil(data, name, "RGB")[0], orientation)
    else:
        return StoredImage(*decode_with_pil(data, name, mode))
    try:
        pixels = decode_image(torch.frombuffer(buffer or bytearray(data), dtype=torch.uint8), ImageReadMode[mode])
    except (ValueError, RuntimeError) as error:
        text = re.sub(r"^.*\.cpp:\d+, ", "", str(error).split("\n")[0])  # without the place in torchvision's source
        raise damaged(text.rstrip(".")) from None
    return StoredImage(pixels, orientation)


def _decode_few_bits(data: bytearray, header: PngHeader) -> torch.Tensor:
    image, _ = decode_with_pil(data, "PNG", "UNCHANGED")
    if header.bit_depth > 1 and not header.is_palette:  # PIL stretches 2 and 4 bits of grey to 0…255
        image //= 255 // (2**header.bit_depth - 1)
    return image


def _as_map(array: torch.Tensor) -> torch.Tensor:
    """An array (H, W), (C, H, W) or (H, W, C) as (C, H, W); vectors keep their shape."""
    if array.ndim == 2:
        return array[None]
    if array.ndim == 3 and array.shape[2] <= 4 < array.shape[0]:
        return array.permute(2, 0, 1)
    return array
