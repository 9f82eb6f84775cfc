import struct
from typing import NamedTuple

from .exif import exif_orientation
from .image_problem import ImageProblem, damaged

_EXIF = 0xE1
_FRAMES = range(0xC0, 0xD0)
_NOT_FRAMES = (0xC4, 0xC8, 0xCC)  # tables, in the range of the frames' markers
_LOSSLESS_OR_HIERARCHICAL = (0xC3, 0xC5, 0xC6, 0xC7, 0xCB, 0xCD, 0xCE, 0xCF)
_NO_SEGMENT = (0x01, *range(0xD0, 0xD9))  # markers without a segment
_END = (0xD9, 0xDA)  # the end of the image, the start of the pixels


class JpegHeader(NamedTuple):
    """What the segments before the pixels of a JPEG state."""

    width: int
    height: int
    orientation: int


def read_jpeg_header(data: bytes) -> JpegHeader:
    """Read the size and the EXIF orientation of a JPEG.

    Raises:
        ImageProblem: The file has no frame header, or is of a kind that no decoder here reads.
    """
    at, orientation = 2, 1
    while True:
        while data[at : at + 1] == b"\xff" and data[at + 1 : at + 2] == b"\xff":  # fill bytes
            at += 1
        head = data[at : at + 4]
        if len(head) < 4 or head[0] != 0xFF:
            raise damaged("the JPEG has no frame header")
        marker, length = head[1], int.from_bytes(head[2:], "big")
        if marker in _NO_SEGMENT:
            at += 2
            continue
        if marker in _END or length < 2:
            raise damaged("the JPEG has no frame header")
        if marker == _EXIF and orientation == 1:
            orientation = exif_orientation(data[at + 4 : at + 2 + length])
        if marker in _FRAMES and marker not in _NOT_FRAMES:
            try:
                precision, height, width = struct.unpack_from(">BHH", data, at + 4)
            except struct.error:
                raise damaged("it ends within the header of the JPEG") from None
            if precision != 8 or marker in _LOSSLESS_OR_HIERARCHICAL:
                kind = f"a JPEG with {precision} bits" if precision != 8 else "a lossless or hierarchical JPEG"
                raise ImageProblem(f"it is {kind}, which is not supported", "Convert it to PNG.")
            return JpegHeader(width, height, orientation)
        at += 2 + length
