"""Image files in memory, and damaged ones whose checksums are right."""

import io
import random
import struct
import zlib

import numpy as np
from PIL import Image

from ..fuzzing import mutate

SIZE = (20, 30)  # (H, W)


def pixels(seed=0, size=SIZE):
    """A random image, uint8 (H, W, 3)."""
    return np.random.default_rng(seed).integers(0, 256, (*size, 3), dtype=np.uint8)


def encode(image, name, orientation=None, **options):
    """An image (PIL's or an array) as a file of PIL's format `name`."""
    image = image if isinstance(image, Image.Image) else Image.fromarray(image)
    if orientation is not None:
        options["exif"] = Image.Exif()
        options["exif"][0x0112] = orientation
    file = io.BytesIO()
    image.save(file, name, **options)
    return file.getvalue()


def npy(array):
    """An array as an NPY file."""
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def chunk(kind, content):
    """A chunk of a PNG with the right checksum."""
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def split_png(data):
    """The (kind, content) of all chunks of a PNG."""
    at, found = 8, []
    while at < len(data):
        length, kind = struct.unpack(">I4s", data[at : at + 8])
        found.append((kind, data[at + 8 : at + 8 + length]))
        at += 12 + length
    return found


def join_png(chunks):
    """A PNG of these chunks."""
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(kind, content) for kind, content in chunks)


def raw_png(rows, width, height, depth, colour, interlaced=0, extra=(), compressed=None):
    """A PNG of rows with their filter bytes, or of any bytes as its compressed pixels."""
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlaced)
    content = zlib.compress(rows) if compressed is None else compressed
    return join_png([(b"IHDR", header), *extra, (b"IDAT", content), (b"IEND", b"")])


def valid_pngs():
    """PNGs of all bit depths and colour types, interlaced and not."""
    generator = random.Random(0)
    height, width = SIZE
    channels = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
    passes = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
    depths = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
    for colour, kinds in depths.items():
        for depth in kinds:
            for interlaced in (0, 1):
                rows = b""
                for left, top, right, down in passes if interlaced else ((0, 0, 1, 1),):
                    columns, count = -(-(width - left) // right), -(-(height - top) // down)
                    length = -(-columns * depth * channels[colour] // 8)
                    rows += b"".join(
                        bytes([generator.randrange(5)]) + generator.randbytes(length) for _ in range(count)
                    )
                extra = []
                if colour == 3:
                    extra = [(b"PLTE", generator.randbytes(3 * 2**depth)), (b"tRNS", generator.randbytes(2**depth))]
                elif colour in (0, 2) and interlaced:
                    extra = [(b"tRNS", b"\0\1" * channels[colour])]
                yield raw_png(rows, width, height, depth, colour, interlaced, extra)


def damaged_png(generator, files):
    """A PNG with right checksums and one or more things wrong: the compressed pixels, the rows, or any other chunk."""
    chunks = split_png(generator.choice(files))
    for _ in range(generator.choice((1, 1, 2))):
        at = generator.randrange(len(chunks))
        kind, content = chunks[at]
        way = generator.randrange(8)
        if kind == b"IDAT" and way < 4:
            try:
                rows = zlib.decompress(content)
            except zlib.error:
                rows = content
            cut = generator.randrange(len(rows) + 1)
            changed = generator.choice(
                (rows[:cut], rows + generator.randbytes(cut), mutate(rows or b"\0", generator), bytes([9]) + rows[1:])
            )
            chunks[at] = kind, generator.choice((zlib.compress(changed), changed, zlib.compress(changed)[:-4]))
        elif way == 4:
            chunks.insert(at, chunks[generator.randrange(len(chunks))])
        elif way == 5:
            name = generator.choice((b"acTL", b"fcTL", b"fdAT", b"PLTE", b"tRNS", b"eXIf", b"iCCP", b"zTXt", b"IDAT"))
            chunks.insert(at, (name, generator.randbytes(generator.choice((0, 1, 2, 6, 8, 26, 300, 769)))))
        elif way == 6 and len(chunks) > 2:
            del chunks[at]
        elif content:
            chunks[at] = kind, mutate(content, generator)
        if not chunks:
            break
    return join_png(chunks)
