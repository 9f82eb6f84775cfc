"""Sparse depth: discs over the darkened image."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from mtl_plugins.functional import enlarge_readings, is_sparse, paint_depth, paint_sparse_depth, place_over

SIZE = (60, 600)  # discs of 3 x 3 pixels


def readings(pixels):
    depth = np.zeros(SIZE, np.float32)
    for (row, column), metres in pixels.items():
        depth[row, column] = metres
    return depth


def enlarged(depth):
    return enlarge_readings(depth, depth > 0)


@pytest.mark.parametrize("count", [0, 1, 2, 17, 18, 36])
def test_the_share_of_valid_pixels_decides(count):
    valid = np.arange(60).reshape(6, 10) < count
    assert is_sparse(valid) == (0 < count < 0.3 * 60)


@given(st.dictionaries(st.tuples(st.integers(0, 59), st.integers(0, 599)), st.floats(0.5, 80, width=32), min_size=1))
def test_each_pixel_shows_the_nearest_reading_within_its_disc(pixels):
    depth = readings(pixels)
    discs = enlarged(depth)
    expected = np.full(SIZE, np.inf, np.float32)
    for (row, column), metres in pixels.items():
        neighbours = expected[max(row - 1, 0) : row + 2, max(column - 1, 0) : column + 2]
        np.minimum(neighbours, np.float32(metres), out=neighbours)
    assert np.array_equal(discs, np.where(np.isfinite(expected), expected, 0))


@pytest.mark.parametrize(("width", "diameter"), [(100, 1), (160, 3), (640, 3), (1242, 5), (2048, 9)])
def test_a_single_reading_is_a_disc_whose_size_follows_the_map(width, diameter):
    depth = np.zeros((width // 3, width), np.float32)
    depth[30, 50] = 7
    discs = enlarged(depth)
    assert set(np.unique(discs)) <= {0, 7}
    assert (discs[30] > 0).sum() == (discs[:, 50] > 0).sum() == diameter
    rows, columns = np.nonzero(discs)
    assert np.hypot(rows - 30, columns - 50).max() <= diameter / 2


def test_the_disc_has_the_colour_of_its_reading():
    picture = paint_sparse_depth(readings({(30, 50): 7.0, (30, 90): 40.0}), 4, 60, log=True)
    assert picture.shape == (*SIZE, 4) and (picture[..., 3] > 0).sum() == 2 * 9
    for column, metres in ((50, 7.0), (90, 40.0)):
        colour = paint_depth(np.array([[metres]]), 4, 60, log=True)[0, 0]
        assert (picture[29:32, column - 1 : column + 2, :3] == colour).all()


@pytest.mark.parametrize("value", [0, np.nan, np.inf, -1])
def test_a_map_without_readings_covers_nothing(value):
    assert not paint_sparse_depth(np.full((40, 50), value, np.float32), 1, 5)[..., 3].any()


def test_the_darkened_image_is_grey_and_shows_only_where_the_picture_is_transparent():
    image = Image.new("RGB", (4, 2), (200, 100, 50))
    picture = np.zeros((1, 2, 4), np.uint8)  # half the size of the image
    picture[0, 1] = (9, 80, 7, 255)
    result = np.asarray(place_over(image, picture))
    assert (result[:, 2:] == (9, 80, 7)).all()
    grey = np.unique(result[:, :2])
    assert len(grey) == 1 and 20 < grey[0] < 100
    assert np.array_equal(place_over(image, picture[..., :3]), np.repeat(np.repeat(picture[..., :3], 2, 0), 2, 1))
