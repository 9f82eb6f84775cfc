import struct
from typing import NamedTuple

from .exif import webp_orientation
from .image_problem import damaged


class WebpHeader(NamedTuple):
    """What the first chunk of a WebP file states."""

    width: int
    height: int
    animated: bool
    orientation: int


def read_webp_header(data: bytes) -> WebpHeader:
    """Read the size and the EXIF orientation of a WebP file.

    Raises:
        ImageProblem: The header is damaged.
    """
    kind, body = data[12:16], data[20:30]
    if len(body) == 10 and kind == b"VP8X":
        width, height = (int.from_bytes(body[at : at + 3], "little") + 1 for at in (4, 7))
        return WebpHeader(width, height, bool(body[0] & 2), webp_orientation(data))
    if len(body) == 10 and kind == b"VP8 ":
        width, height = struct.unpack_from("<HH", body, 6)
        return WebpHeader(width & 0x3FFF, height & 0x3FFF, False, 1)
    if len(body) == 10 and kind == b"VP8L":
        (bits,) = struct.unpack_from("<I", body, 1)
        return WebpHeader((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1, False, 1)
    raise damaged("it has no WebP header")
