import struct
import zlib
from typing import NamedTuple

#: The first bytes of every PNG.
SIGNATURE = b"\x89PNG\r\n\x1a\n"


class PngHeader(NamedTuple):
    """The header (IHDR) of a PNG."""

    width: int
    height: int
    bit_depth: int
    colour_type: int

    @property
    def is_palette(self) -> bool:
        """Whether the pixels are indices into a palette."""
        return self.colour_type == 3


def check_png(data: bytes) -> PngHeader:
    """Verify the checksums of all chunks of a PNG and return its header.

    torchvision's decoder must never see a damaged PNG: libpng's error handler then kills the process with signal 11
    (seen with torchvision 0.29). The check takes 0.1 ms for 300 kB.

    Args:
        data: The file content, starting with `SIGNATURE`.

    Raises:
        ValueError: The file is truncated or damaged; the message says which.
    """
    at, header = len(SIGNATURE), None
    while True:
        start, head = at, data[at : at + 8]
        if len(head) < 8:
            raise ValueError("the PNG is truncated")
        length, kind = struct.unpack(">I4s", head)
        at = start + 12 + length
        if at > len(data):
            raise ValueError(f"the PNG is truncated: a chunk ends at byte {at:,}, but the file has {len(data):,} bytes")
        (checksum,) = struct.unpack(">I", data[at - 4 : at])
        if zlib.crc32(data[start + 4 : at - 4]) != checksum:
            raise ValueError(f"the PNG is damaged: wrong checksum of the chunk {kind!r} at byte {start:,}")
        if kind == b"IHDR":
            header = PngHeader(*struct.unpack(">IIBB", data[start + 8 : start + 18]))
        if kind == b"IEND":
            break
    if header is None:
        raise ValueError("the PNG is damaged: it has no header")
    return header
