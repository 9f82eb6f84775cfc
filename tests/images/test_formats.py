"""Reading the values of all formats."""

import io

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.io import ImageReadMode, decode_image

from mtl_plugins.files import DataError
from mtl_plugins.images import IMAGE_SUFFIXES, decode_image_file, read_stored_image

from .image_files import SIZE, encode, npy, pixels, valid_pngs

VALUES = np.random.default_rng(1).integers(0, 256, SIZE, dtype=np.uint8)
DEEP = VALUES.astype(np.uint16) * np.uint16(256) + np.uint16(7)


@pytest.fixture
def read(tmp_path):
    def read(data, mode="UNCHANGED"):
        (tmp_path / "file").write_bytes(data)
        return decode_image_file(tmp_path / "file", mode)

    return read


def test_pngs_of_all_kinds_have_the_values_that_torchvision_decodes(read):
    for data in valid_pngs():
        for mode in ("RGB", "UNCHANGED"):
            if mode == "RGB" or data[24] >= 8:  # torchvision stretches fewer bits
                expected = decode_image(torch.frombuffer(bytearray(data), dtype=torch.uint8), ImageReadMode[mode])
                found = read(data, mode)
                assert found.dtype == expected.dtype and (found.numpy() == expected.numpy()).all()


@pytest.mark.parametrize("suffix", IMAGE_SUFFIXES)
def test_every_accepted_suffix_is_read(tmp_path, suffix):
    Image.fromarray(pixels()).save(tmp_path / f"i{suffix}")
    expected = np.asarray(Image.open(tmp_path / f"i{suffix}").convert("RGB"))
    assert (decode_image_file(tmp_path / f"i{suffix}", "RGB").permute(1, 2, 0).numpy() == expected).all()


@pytest.mark.parametrize("options", [{}, dict(compression="tiff_lzw"), dict(compression="tiff_adobe_deflate")])
def test_tiffs_keep_their_values(read, options):
    values = np.random.default_rng(0).normal(size=SIZE).astype(np.float32)
    for array in (VALUES, DEEP, values, DEEP.astype(np.int32), pixels()):
        found = read(encode(array, "TIFF", **options))
        assert str(found.dtype) == f"torch.{array.dtype}"
        assert (found.numpy() == (array[None] if array.ndim == 2 else array.transpose(2, 0, 1))).all()
    palette = Image.fromarray(VALUES).convert("L")
    palette.putpalette(list(range(256)) * 3)
    assert (read(encode(palette, "TIFF", **options))[0].numpy() == VALUES).all()


def test_the_first_page_or_frame_counts(read):
    first, *others = (Image.fromarray(pixels(seed)) for seed in range(3))
    for name in ("TIFF", "GIF", "PNG", "WEBP"):
        options = dict(lossless=True) if name == "WEBP" else {}
        found = read(encode(first, name, save_all=True, append_images=others, **options), "RGB")
        assert found.shape == (3, *SIZE)
        if name != "GIF":
            assert (found.permute(1, 2, 0).numpy() == pixels(0)).all()


def test_images_of_other_modes_become_rgb(read):
    image = Image.fromarray(pixels())
    for mode, names in dict(
        CMYK=("JPEG", "TIFF"), L=("JPEG", "TIFF", "BMP", "GIF"), P=("PNG", "BMP", "TIFF", "GIF"), RGBA=("PNG", "WEBP")
    ).items():
        for name in names:
            data = encode(image.convert(mode), name)
            expected = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))
            found = read(data, "RGB").permute(1, 2, 0).numpy()
            assert found.dtype == np.uint8 and abs(found.astype(int) - expected).max() <= (name == "WEBP")
    assert (read(encode(DEEP, "TIFF"), "RGB").numpy() == DEEP).all(), "16 bits remain; read_image converts them"
    with pytest.raises(DataError, match="it stores 32-bit numbers, but an image has 8 or 16 bits"):
        read(encode(DEEP.astype(np.float32), "TIFF"), "RGB")


def test_npy_files_are_maps(read):
    depth = np.arange(63, dtype=np.float32).reshape(9, 7)
    for array in (depth, np.asfortranarray(depth), depth.astype(">f4"), depth[None], depth[..., None]):
        assert torch.equal(read(npy(array)), torch.from_numpy(depth)[None])
    assert read(npy(depth.astype(np.uint32))).dtype == torch.int64
    assert torch.equal(read(npy(np.stack([depth] * 3, 2))), torch.from_numpy(depth).expand(3, -1, -1))
    assert read(npy(depth[0])).shape == (7,)
    with pytest.raises(DataError, match="it is an array"):
        read(npy(depth), "RGB")


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "the file is empty"),
        (bytes(99), "contains only zeros"),
        (b"\0\0\0\x18ftypheic" + bytes(99), "it is a HEIC file, which is not supported. Convert it to PNG or JPEG"),
        (b"\0\0\0\x1cftypavif" + bytes(99), "it is an AVIF file, which is not supported. Convert it"),
        (b"\0\0\0\x1cftypisom" + bytes(99), "it is a video"),
        (
            b"\x76\x2f\x31\x01" + bytes(99),
            "it is an OpenEXR file, .* 16-bit PNG, a float32 TIFF or an NPY",
        ),
        (b"PK\3\4" + bytes(99), "it is a ZIP or NPZ archive, .* Unpack it"),
        (b"version https://git-lfs.github.com/spec/v1\n", "a pointer to a file in Git LFS, .*git lfs pull"),
        (b"P6\n3 3\n255\n" + bytes(27), "it is a PNM file"),
        (
            b"\xff\xd8\xff\xc3\0\x0b\x08\0\x09\0\x09\1\1\x11\0",
            "a lossless or hierarchical JPEG, which is not",
        ),
        (b"\xff\xd8\xff\xc1\0\x0b\x0c\0\x09\0\x09\1\1\x11\0", "a JPEG with 12 bits, which is not supported"),
        (b"BM the start of a text", "truncated or damaged|not supported"),
    ],
)
def test_other_files_are_named(tmp_path, data, reason):
    (tmp_path / "i.jpg").write_bytes(data)
    with pytest.raises(DataError, match=reason) as caught:
        read_stored_image(tmp_path / "i.jpg", "RGB")
    assert ("damaged" in str(caught.value)) == ("damaged" in reason or "not supported" in reason and data[:2] == b"BM")


def test_a_valid_file_of_an_unsupported_kind_is_not_called_damaged(tmp_path):
    deep = np.zeros((4, 5), np.float64)
    data = bytearray(encode(deep.astype(np.float32), "TIFF"))
    at = data.index(b"\x02\x01\x03\x00")  # bits per sample
    data[at + 8 : at + 10] = b"\x40\x00"
    (tmp_path / "i.tif").write_bytes(data)
    with pytest.raises(DataError, match="this kind of TIFF is not supported .*Convert it to PNG"):
        read_stored_image(tmp_path / "i.tif")
