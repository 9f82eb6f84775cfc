"""EXIF orientations: all eight, in all formats that have them."""

import numpy as np
import pytest
import torch
from PIL import Image, ImageOps
from torchvision import tv_tensors

from mtl_plugins.images import decode_image_file, inverse_orientation, read_stored_image, turn, turned_size
from mtl_plugins.images.exif import exif_orientation
from mtl_plugins.structures import DepthMap, Intrinsics, NormalMap

from .image_files import SIZE, encode, join_png, pixels, split_png

ORIENTATIONS = range(1, 9)


@pytest.mark.parametrize("orientation", ORIENTATIONS)
@pytest.mark.parametrize("name", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_files_are_turned_as_pil_turns_them(tmp_path, name, orientation):
    options = dict(lossless=True) if name == "WEBP" else {}
    (tmp_path / "i").write_bytes(encode(pixels(), name, orientation, **options))
    with Image.open(tmp_path / "i") as file:
        expected = np.asarray(ImageOps.exif_transpose(file).convert("RGB"))
    image = read_stored_image(tmp_path / "i", "RGB")
    assert image.orientation == orientation and image.stored_size == SIZE
    assert image.shown_size == turned_size(SIZE, orientation) == expected.shape[:2]
    assert (decode_image_file(tmp_path / "i", "RGB").permute(1, 2, 0).numpy() == expected).all()
    assert torch.equal(turn(image.turned(), inverse_orientation(orientation)), image.pixels)


@pytest.mark.parametrize("orientation", [3, 6])
def test_the_orientation_may_follow_the_pixels_of_a_png(tmp_path, orientation):
    chunks = split_png(encode(pixels(), "PNG", orientation))
    chunks = sorted(chunks, key=lambda chunk: (chunk[0] == b"eXIf") + 2 * (chunk[0] == b"IEND"))
    (tmp_path / "i").write_bytes(join_png(chunks))
    assert read_stored_image(tmp_path / "i").orientation == orientation


@pytest.mark.parametrize(
    "block",
    [
        b"",
        b"II*\0",
        b"II*\0\xff\xff\xff\xff",
        b"MM\0*\0\0\0\x08\xff\xff",
        b"II*\0\x08\0\0\0\1\0\x12\1\3\0\1\0\0\0\x09\0\0\0",  # orientation 9
        b"II*\0\x08\0\0\0\1\0\x12\1\2\0\1\0\0\0\x06\0\0\0",  # a text
        bytes(100),
    ],
)
def test_malformed_exif_counts_as_upright(block):
    assert exif_orientation(block) == 1


def test_exif_of_both_byte_orders():
    assert exif_orientation(b"Exif\0\0II*\0\x08\0\0\0\1\0\x12\1\3\0\1\0\0\0\x06\0\0\0") == 6
    assert exif_orientation(b"MM\0*\0\0\0\x08\0\1\1\x12\0\3\0\0\0\1\0\x08\0\0") == 8


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_normals_and_cameras_follow_the_image(orientation):
    """The points of each pixel, computed after the turn, are the turned points."""
    depth = DepthMap(np.random.default_rng(0).uniform(1, 5, (1, *SIZE)))
    camera = Intrinsics((20.0, 31.0, 11.5, 9.25), canvas_size=SIZE)

    def rays(camera):
        fx, fy, cx, cy = camera.tolist()
        rows, columns = np.indices(camera.canvas_size)
        return np.stack([(columns - cx) / fx, (rows - cy) / fy, np.ones(rows.shape)])

    vectors = NormalMap(rays(camera))
    turned = turn(camera, orientation)
    assert turned.canvas_size == turned_size(SIZE, orientation) and isinstance(turned, Intrinsics)
    torch.testing.assert_close(
        turn(vectors, orientation).as_subclass(torch.Tensor), torch.from_numpy(rays(turned)).float(), atol=1e-5, rtol=0
    )
    moved = turn(depth, orientation)
    assert isinstance(moved, DepthMap)
    assert torch.equal(turn(torch.as_tensor(depth), orientation), moved.as_subclass(torch.Tensor))
    mask = tv_tensors.Mask(torch.from_numpy(pixels()[None, ..., 0]))
    assert torch.equal(
        turn(mask.as_subclass(torch.Tensor), orientation), turn(mask, orientation).as_subclass(torch.Tensor)
    )
