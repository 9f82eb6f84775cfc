"""The EXIF orientation of a file, read without decoding it. Anything malformed counts as orientation 1, unturned."""

import struct

_ORIENTATION = 0x0112
_SHORT, _LONG = 3, 4
_EXIF_START = b"Exif\0\0"


def exif_orientation(block: bytes) -> int:
    """The orientation, 1 … 8, in an EXIF block (a TIFF header and its first directory); 1 if it has none."""
    block = block.removeprefix(_EXIF_START)
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(block[:4])
    if order is None:
        return 1
    try:
        (at,) = struct.unpack_from(order + "I", block, 4)
        (count,) = struct.unpack_from(order + "H", block, at)
        for entry in range(at + 2, at + 2 + 12 * count, 12):
            tag, kind, values = struct.unpack_from(order + "HHI", block, entry)
            if tag == _ORIENTATION and kind in (_SHORT, _LONG) and values == 1:
                (value,) = struct.unpack_from(order + ("H" if kind == _SHORT else "I"), block, entry + 8)
                return value if 1 <= value <= 8 else 1
    except struct.error:  # the block ends too early
        pass
    return 1


def webp_orientation(data: bytes) -> int:
    """The orientation of a WebP file."""
    at = 12
    while at + 8 <= len(data):
        kind, length = struct.unpack_from("<4sI", data, at)
        if kind == b"EXIF":
            return exif_orientation(data[at + 8 : at + 8 + length])
        at += 8 + length + length % 2
    return 1
