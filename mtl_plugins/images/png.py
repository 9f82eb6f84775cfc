import struct
import zlib
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np

from .exif import exif_orientation
from .image_problem import ImageProblem, damaged
from .pixel_limit import check_pixels

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_PALETTE = 3
# Bit depths and number of channels by colour type
_BIT_DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), _PALETTE: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
_CHANNELS = {0: 1, 2: 3, _PALETTE: 1, 4: 2, 6: 4}
_TRANSPARENCY_BYTES = {0: 2, 2: 6}
_MAX_SIDE = 1_000_000  # libpng's own limit
_LAST_FILTER = 4
_MAX_BLOCK = 65535  # bytes of an uncompressed block of a zlib stream
# First column, first row, step of columns, step of rows
_PASSES = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))


class PngHeader(NamedTuple):
    """The header (IHDR) of a PNG."""

    width: int
    height: int
    bit_depth: int
    colour_type: int
    compression: int
    filtering: int
    interlaced: int

    @property
    def is_palette(self) -> bool:
        """Whether the pixels are indices into a palette."""
        return self.colour_type == _PALETTE

    @property
    def passes(self) -> Iterator[tuple[int, int]]:
        """(rows, bytes per row with the filter byte) of each pass; an image without interlacing has one."""
        bits = self.bit_depth * _CHANNELS[self.colour_type]
        for left, top, right, down in _PASSES if self.interlaced else ((0, 0, 1, 1),):
            columns, rows = -(-(self.width - left) // right), -(-(self.height - top) // down)
            if columns > 0 and rows > 0:
                yield rows, 1 + -(-columns * bits // 8)


class CheckedPng(NamedTuple):
    """A PNG that is safe to decode.

    Attributes:
        header: Its header.
        data: The image as a new PNG that contains only what determines the pixels.
        orientation: The EXIF orientation.
    """

    header: PngHeader
    data: bytearray
    orientation: int


def check_png(data: bytes) -> CheckedPng:
    """Check all of a PNG that a decoder relies on, and rebuild it from the checked parts.

    torchvision's decoder must never see a damaged PNG: libpng's error handler then kills the process with signal 11
    (seen with torchvision 0.29). Checksums do not suffice, because a file may be damaged before they are computed. So
    the pixels are decompressed here and handed on uncompressed, which avoids decompressing them twice.

    Args:
        data: The content of a file that starts with the signature of a PNG.

    Raises:
        ImageProblem: The file is truncated, damaged, or has too many pixels.
    """
    chunks: dict[bytes, bytes] = {}
    pixels: list[bytes] = []
    for kind, content in _chunks(data):
        if kind == b"IDAT":
            pixels.append(content)
        else:
            chunks.setdefault(kind, content)
    header = _header(chunks)
    rows = _decompressed(b"".join(pixels), sum(rows * length for rows, length in header.passes))
    _check_filters(header, rows)
    rebuilt = bytearray(_SIGNATURE)
    for kind, content in ((b"IHDR", chunks[b"IHDR"]), *_colours(header, chunks)):
        _append_chunk(rebuilt, kind, (content,))
    _append_chunk(rebuilt, b"IDAT", _stored(rows))
    _append_chunk(rebuilt, b"IEND", ())
    return CheckedPng(header, rebuilt, exif_orientation(chunks.get(b"eXIf", b"")))


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Kind and content of each chunk, after a check of their checksums."""
    at, kind = len(_SIGNATURE), b""
    while kind != b"IEND":
        start, head = at, data[at : at + 8]
        if len(head) < 8:
            raise damaged("the PNG is truncated")
        length, kind = struct.unpack(">I4s", head)
        at = start + 12 + length
        if at > len(data):
            raise damaged(f"the PNG is truncated: a chunk ends at byte {at:,}, but the file has {len(data):,} bytes")
        (checksum,) = struct.unpack_from(">I", data, at - 4)
        if zlib.crc32(memoryview(data)[start + 4 : at - 4]) != checksum:
            raise damaged(f"wrong checksum of the chunk {kind!r} at byte {start:,}")
        yield kind, data[start + 8 : at - 4]


def _header(chunks: dict[bytes, bytes]) -> PngHeader:
    content = chunks.get(b"IHDR", b"")
    if len(content) != 13:
        raise damaged("it has no header")
    header = PngHeader(*struct.unpack(">IIBBBBB", content))
    check_pixels(header.width, header.height)
    if max(header.width, header.height) > _MAX_SIDE:
        raise ImageProblem(
            f"its header states {header.width:,}×{header.height:,} pixels, but a side has at most {_MAX_SIDE:,}"
        )
    if header.bit_depth not in _BIT_DEPTHS.get(header.colour_type, ()):
        raise damaged(f"its header states {header.bit_depth} bits for colour type {header.colour_type}")
    if header.compression or header.filtering or header.interlaced > 1:
        raise damaged("its header states an unknown compression, filter or interlacing")
    return header


def _decompressed(compressed: bytes, size: int) -> bytes:
    """The rows of all passes, with their filter bytes."""
    stream = zlib.decompressobj()
    try:
        rows = stream.decompress(compressed, size + 1)  # never more than the header states
    except zlib.error as error:
        raise damaged(f"its pixels cannot be decompressed, {error}") from None
    if len(rows) < size or (len(rows) == size and not stream.eof):
        raise damaged(f"it contains {len(rows):,} of {size:,} bytes of pixels")
    return rows if len(rows) == size else rows[:size]  # all decoders ignore further bytes


def _check_filters(header: PngHeader, rows: bytes) -> None:
    values, at = np.frombuffer(rows, np.uint8), 0
    for count, length in header.passes:
        if values[at : at + count * length : length].max() > _LAST_FILTER:
            raise damaged("a row has an unknown filter")
        at += count * length


def _colours(header: PngHeader, chunks: dict[bytes, bytes]) -> Iterator[tuple[bytes, bytes]]:
    """The chunks of the palette and of the transparency, if they fit the header."""
    transparency = chunks.get(b"tRNS", b"")
    if header.is_palette:
        palette = chunks.get(b"PLTE", b"")
        if not palette or len(palette) % 3:
            raise damaged("it has no palette")
        size = 3 * 2**header.bit_depth
        yield b"PLTE", palette[:size].ljust(size, b"\0")
        if transparency:
            yield b"tRNS", transparency[: size // 3]
    elif len(transparency) == _TRANSPARENCY_BYTES.get(header.colour_type) and (
        max(struct.unpack(f">{len(transparency) // 2}H", transparency)) < 2**header.bit_depth
    ):
        yield b"tRNS", transparency


def _stored(rows: bytes) -> Iterator[bytes | memoryview]:
    """The parts of a zlib stream without compression, as `zlib.compress(rows, 0)` joins them."""
    view, size = memoryview(rows), len(rows)
    yield b"\x78\x01"
    for start in range(0, size, _MAX_BLOCK):
        length = min(_MAX_BLOCK, size - start)
        yield struct.pack("<BHH", start + length == size, length, ~length & 0xFFFF)
        yield view[start : start + length]
    yield struct.pack(">I", zlib.adler32(rows))


def _append_chunk(png: bytearray, kind: bytes, parts: Iterable[bytes | memoryview]) -> None:
    start = len(png)
    png += bytes(4) + kind
    for part in parts:
        png += part
    struct.pack_into(">I", png, start, len(png) - start - 8)
    checksum = zlib.crc32(memoryview(png)[start + 4 :])
    png += struct.pack(">I", checksum)
