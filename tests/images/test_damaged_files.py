"""Damaged files of all formats are refused with one sentence, and never end the process."""

import json
import os
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest

from mtl_plugins.files import DataError
from mtl_plugins.images import read_stored_image

from ..fuzzing import fuzz
from .decode_damaged import FORMATS
from .image_files import SIZE, encode, join_png, npy, pixels, raw_png, split_png

ROOT = Path(__file__).resolve().parents[2]
HEIGHT, WIDTH = SIZE
ROWS = b"".join(b"\0" + row.tobytes() for row in pixels())
PALETTE = (b"PLTE", bytes(range(256)) * 3)


@fuzz(40)
def test_no_damaged_file_ends_the_process(trials):
    command = [sys.executable, "-m", "tests.images.decode_damaged", str(trials), "0"]
    env = os.environ | dict(PYTHONPATH=os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]))
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True)
    assert done.returncode == 0, f"exit code {done.returncode}: {done.stderr[-2000:]}"
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert [counts["name"] for counts in found] == list(FORMATS)
    for counts in found:
        assert counts["read"] + counts["refused"] == 2 * trials and counts["refused"], counts


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        pytest.param(raw_png(ROWS[:-1], WIDTH, HEIGHT, 8, 2), "1,819 of 1,820 bytes of pixels", id="short"),
        pytest.param(raw_png(b"", WIDTH, HEIGHT, 8, 2), "0 of 1,820 bytes of pixels", id="nothing compressed"),
        pytest.param(raw_png(b"", WIDTH, HEIGHT, 8, 2, compressed=b""), "0 of 1,820 bytes of pixels", id="no pixels"),
        pytest.param(raw_png(b"", WIDTH, HEIGHT, 8, 2, compressed=ROWS), "cannot be decompressed", id="no zlib stream"),
        pytest.param(
            raw_png(b"", WIDTH, HEIGHT, 8, 2, compressed=zlib.compress(ROWS)[:-4]),
            "1,820 of 1,820 bytes of pixels",
            id="no checksum of the pixels",
        ),
        pytest.param(raw_png(b"\5" + ROWS[1:], WIDTH, HEIGHT, 8, 2), "a row has an unknown filter", id="filter"),
        pytest.param(raw_png(ROWS, WIDTH, HEIGHT, 4, 2), "4 bits for colour type 2", id="bits"),
        pytest.param(raw_png(ROWS, WIDTH, HEIGHT, 8, 5), "8 bits for colour type 5", id="colour type"),
        pytest.param(raw_png(ROWS, WIDTH, HEIGHT, 8, 2, 7), "unknown compression, filter or", id="interlace"),
        pytest.param(raw_png(ROWS, 0, HEIGHT, 8, 2), "its header states 0×20 pixels", id="width 0"),
        pytest.param(raw_png(ROWS, WIDTH, 2**32 - 1, 8, 2), "at most 134,217,728 pixels are allowed", id="huge"),
        pytest.param(raw_png(ROWS, 2**21, 1, 8, 2), "a side has at most 1,000,000", id="too wide for libpng"),
        pytest.param(raw_png(bytes(HEIGHT * (WIDTH + 1)), WIDTH, HEIGHT, 8, 3), "it has no palette", id="no palette"),
        pytest.param(join_png([(b"IEND", b"")]), "it has no header", id="no header"),
    ],
)
def test_a_png_with_right_checksums_may_be_damaged(tmp_path, data, reason):
    (tmp_path / "i.png").write_bytes(data)
    for mode in ("RGB", "UNCHANGED"):
        with pytest.raises(DataError, match=rf"i\.png .*{reason}"):
            read_stored_image(tmp_path / "i.png", mode)


@pytest.mark.parametrize(
    "extra",
    [
        pytest.param((b"acTL", struct.pack(">II", 2, 0)), id="animation"),
        pytest.param((b"tRNS", b"\0\1"), id="transparency of another colour type"),
        pytest.param((b"tRNS", b"\7\7" * 3), id="transparency out of range"),
        pytest.param(PALETTE, id="suggested palette"),
        pytest.param((b"iCCP", b"\0" * 20), id="empty colour profile"),
        pytest.param((b"zTXt", b"a\0\0" + zlib.compress(bytes(10**7))), id="long text"),
        pytest.param((b"prVt", b"anything"), id="private chunk"),
    ],
)
def test_what_does_not_determine_the_pixels_of_a_png_is_ignored(tmp_path, extra):
    (tmp_path / "i.png").write_bytes(raw_png(ROWS + b"more", WIDTH, HEIGHT, 8, 2, extra=[extra]) + b"after the end")
    for mode in ("RGB", "UNCHANGED"):
        image = read_stored_image(tmp_path / "i.png", mode)
        assert (image.pixels.permute(1, 2, 0).numpy() == pixels()).all()


def test_a_png_that_repeats_its_chunks_keeps_the_first(tmp_path):
    chunks = split_png(encode(pixels(), "PNG"))
    (tmp_path / "i.png").write_bytes(join_png([chunks[0], *chunks]))
    assert read_stored_image(tmp_path / "i.png").stored_size == SIZE


def sized(name, width, height):
    """A small file whose header states this size."""
    if name == "PNG":
        return raw_png(b"\0", width, height, 8, 2)
    data = bytearray(encode(pixels(), name))
    if name == "JPEG":
        at = data.index(b"\xff\xc0") + 5
        data[at : at + 4] = struct.pack(">HH", height, width)
    elif name == "GIF":
        data[6:10] = struct.pack("<HH", width, height)
    elif name == "BMP":
        data[18:26] = struct.pack("<ii", width, height)
    elif name == "WEBP":
        data[26:30] = struct.pack("<HH", min(width, 16383), min(height, 16383))
    elif name == "TIFF":
        for tag, value in ((256, width), (257, height)):
            at = data.index(struct.pack("<HH", tag, 4)) if struct.pack("<HH", tag, 4) in data else -1
            kind, at = (4, at) if at >= 0 else (3, data.index(struct.pack("<HH", tag, 3)))
            data[at : at + 12] = struct.pack("<HHII", tag, 4, 1, value)
    return bytes(data)


@pytest.mark.parametrize("name", ["PNG", "JPEG", "GIF", "BMP", "WEBP", "TIFF"])
def test_an_image_that_claims_to_be_huge_is_refused_before_it_is_decoded(tmp_path, monkeypatch, name):
    (tmp_path / "i").write_bytes(sized(name, 20_000, 20_000))
    with pytest.raises(DataError, match=r"at most 134,217,728 pixels are allowed.*MTL_MAX_IMAGE_PIXELS=\d{9}"):
        read_stored_image(tmp_path / "i", "RGB")
    (tmp_path / "i").write_bytes(encode(pixels(), name))
    monkeypatch.setenv("MTL_MAX_IMAGE_PIXELS", str(HEIGHT * WIDTH - 1))
    with pytest.raises(DataError, match="at most 599 pixels are allowed"):
        read_stored_image(tmp_path / "i", "RGB")
    monkeypatch.setenv("MTL_MAX_IMAGE_PIXELS", str(HEIGHT * WIDTH))
    assert read_stored_image(tmp_path / "i", "RGB").stored_size == SIZE
    monkeypatch.setenv("MTL_MAX_IMAGE_PIXELS", "many")
    with pytest.raises(ValueError, match="MTL_MAX_IMAGE_PIXELS='many' must be a number of pixels"):
        read_stored_image(tmp_path / "i", "RGB")


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (npy(np.zeros((9, 9)))[:-1], "contains 647 bytes of values, but its header states 648"),
        (npy(np.zeros((9, 9))).replace(b"(9, 9)", b"(9**9)"), "header of the NPY is invalid"),
        (npy(np.zeros((9, 9))).replace(b"(9, 9), }   ", b"(99999,99999)}"[:14]), "pixels are allowed|is invalid"),
        (npy(np.array([{}, "x"], dtype=object)), "values of type object"),
        (npy(np.array(["a"])), "values of type"),
        (npy(np.zeros(2, dtype=[("a", "f4")])), "values of type"),
        (npy(np.zeros((1, 1, 1, 2, 2))), r"array of shape \(1, 1, 1, 2, 2\)"),
        (npy(np.zeros((2, 2), complex)), "values of type complex128"),
    ],
)
def test_a_damaged_or_hostile_npy_is_refused(tmp_path, data, reason):
    (tmp_path / "a.npy").write_bytes(data)
    with pytest.raises(DataError, match=reason):
        read_stored_image(tmp_path / "a.npy")


def test_what_is_no_regular_file_is_refused(tmp_path):
    os.mkfifo(tmp_path / "pipe.png")
    with pytest.raises(OSError, match="cannot read .*pipe.png: not a regular file"):
        read_stored_image(tmp_path / "pipe.png")
    with pytest.raises(DataError, match="null"):
        read_stored_image("a\0b.png")
    with pytest.raises(IsADirectoryError, match="cannot read"):
        read_stored_image(tmp_path)
