"""Decodes damaged files of all formats; a test runs it as a separate process, so that a crash is noticed.

Usage: python -m tests.images.decode_damaged TRIALS SEED
"""

import json
import random
import sys
import tempfile
import time
import warnings
from collections import Counter
from pathlib import Path

import numpy as np
from PIL import Image

from mtl_plugins.files import DataError
from mtl_plugins.images import read_stored_image

from ..fuzzing import mutate
from .image_files import damaged_png, encode, npy, pixels, valid_pngs

FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "NPY")
LONGEST = 5.0  # seconds for one file


def valid_files(name):
    """Files of one format."""
    image = Image.fromarray(pixels())
    if name == "PNG":
        return list(valid_pngs())
    if name == "NPY":
        arrays = (np.ones((9, 7), np.float32), np.ones((3, 9, 7), np.uint8), np.asfortranarray(np.ones((9, 7))))
        return list(map(npy, arrays))
    modes = dict(
        JPEG=("RGB", "L", "CMYK"),
        WEBP=("RGB", "RGBA"),
        GIF=("P", "L"),
        BMP=("RGB", "P", "1", "L"),
        TIFF=("RGB", "L", "P", "1", "F", "I;16", "CMYK", "RGBA"),
    )[name]
    options = dict(
        JPEG=(dict(), dict(progressive=True), dict(quality=100, subsampling=0), dict(orientation=6)),
        WEBP=(dict(), dict(lossless=True), dict(orientation=6), dict(save_all=True, append_images=[image])),
        GIF=(dict(), dict(interlace=False), dict(save_all=True, append_images=[image.convert("P").rotate(90)])),
        BMP=(dict(),),
        TIFF=(dict(), dict(compression="tiff_lzw"), dict(compression="tiff_adobe_deflate"), dict(orientation=6)),
    )[name]
    files = [
        encode(image.convert("I").convert(m) if m[0] in "IF" else image.convert(m), name, **o)
        for m in modes
        for o in options
    ]
    if name == "TIFF":
        files += [encode(image, name, compression=c) for c in ("jpeg", "packbits")]
        files += [encode(image.convert("1"), name, compression=c) for c in ("group3", "group4")]
    return files


def decode_damaged(name, trials, seed, path):
    """Decode damaged files of a format; returns how many were read and refused."""
    generator, files = random.Random(seed), valid_files(name)
    found = Counter(read=0, refused=0)
    for number in range(trials):
        data = damaged_png(generator, files) if name == "PNG" else mutate(generator.choice(files), generator)
        path.write_bytes(data)
        for mode in ("RGB", "UNCHANGED"):
            start = time.perf_counter()
            try:
                read_stored_image(path, mode).turned()
                found["read"] += 1
            except DataError as error:
                assert "\n" not in str(error) and str(path) in str(error), error
                found["refused"] += 1
            assert time.perf_counter() - start < LONGEST, f"{name}, trial {number} took too long"
    return found


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as folder:
        for name in FORMATS:
            print(f"{name}:", file=sys.stderr, flush=True)  # shows which format a crash is from
            found = decode_damaged(name, int(sys.argv[1]), int(sys.argv[2]), Path(folder, "file"))
            print(json.dumps(dict(found, name=name)))
