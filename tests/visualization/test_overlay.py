"""A video frame with its predictions."""

import numpy as np
import pytest

from mtl_plugins.functional.painting import paint_classes, paint_depth, paint_normals
from mtl_plugins.visualization.overlay import OverlayPainter

RNG = np.random.default_rng(0)
IMAGE = RNG.integers(0, 256, (17, 23, 3), dtype=np.uint8)
PALETTE = RNG.integers(0, 256, (5, 3), dtype=np.uint8)
META = dict(classes=tuple("abcde"), palette=PALETTE.tolist())
CLASSES = RNG.integers(0, 5, (1, 17, 23), dtype=np.uint8)


def tile(picture, position):
    return picture[:, 23 * position : 23 * (position + 1)]


def test_classes_are_mixed_with_the_frame():
    CLASSES[0, 0, 0] = 255  # void
    mixed = OverlayPainter(META, opacity=0.25).draw(IMAGE, dict(semseg=CLASSES))
    wanted = 0.75 * IMAGE + 0.25 * paint_classes(CLASSES, PALETTE)
    assert mixed.shape == IMAGE.shape and np.abs(mixed - wanted).max() <= 1
    assert np.array_equal(OverlayPainter(META, 1).draw(IMAGE, dict(semseg=CLASSES[0])), paint_classes(CLASSES, PALETTE))
    assert np.array_equal(OverlayPainter(META).draw(IMAGE, {}), IMAGE)


def test_depth_and_normals_are_next_to_the_frame_and_painted_as_on_panels():
    depth = RNG.uniform(1, 9, (1, 17, 23)).astype(np.float32)
    depth[0, :2] = 0
    normals = RNG.standard_normal((3, 17, 23)).astype(np.float32)
    normals /= np.linalg.norm(normals, axis=0)
    picture = OverlayPainter(META).draw(IMAGE, dict(depth=depth, normals=normals))
    assert picture.shape == (17, 3 * 23, 3) and np.array_equal(tile(picture, 0), IMAGE)
    assert (tile(picture, 1)[:2] == 0).all() and (tile(picture, 1)[2:] != 0).any(-1).all()
    assert np.abs(tile(picture, 2).astype(int) - paint_normals(normals)).max() <= 1
    plain = OverlayPainter(META).draw(IMAGE, dict(depth=np.clip(depth, 2, 8)))
    few = np.clip(depth, 2, 8)[0, ::8, ::8]
    wanted = paint_depth(np.clip(depth, 2, 8), *np.percentile(few, (1, 99)))
    assert np.abs(tile(plain, 1).astype(int) - wanted).max() <= 8  # adjacent colours of the colormap


def test_the_depth_range_is_smoothed_over_time():
    painter = OverlayPainter()
    near, far = (np.full((1, 17, 23), metres, np.float32) for metres in (2, 4))
    near[0, :8], far[0, :8] = 1, 3
    first = painter.draw(IMAGE, dict(depth=near))
    assert np.array_equal(first, painter.draw(IMAGE, dict(depth=near)))
    jump = painter.draw(IMAGE, dict(depth=far))
    assert not np.array_equal(tile(jump, 1), tile(first, 1))
    for _ in range(150):
        later = painter.draw(IMAGE, dict(depth=far))
    assert np.abs(tile(later, 1).astype(int) - tile(first, 1)).max() <= 8


@pytest.mark.parametrize("depth", [np.zeros((17, 23)), np.full((17, 23), 3.0), np.full((17, 23), np.nan)])
def test_depth_without_a_range_is_painted(depth):
    picture = OverlayPainter().draw(IMAGE, dict(depth=depth.astype(np.float32)))
    assert len(np.unique(tile(picture, 1).reshape(-1, 3), axis=0)) == 1


def test_user_defined_tasks_are_painted_as_on_panels():
    heat = RNG.uniform(0, 1, (1, 17, 23)).astype(np.float32)
    assert OverlayPainter().draw(IMAGE, dict(saliency=heat)).shape == (17, 46, 3)


def test_pictures_of_a_wide_frame_are_below_it():
    image = RNG.integers(0, 256, (10, 40, 3), dtype=np.uint8)
    depth = np.full((10, 40), 3.0, np.float32)
    picture = OverlayPainter(META).draw(image, dict(depth=depth, semseg=np.zeros((10, 40), np.uint8)))
    assert picture.shape == (20, 40, 3)


def test_sparse_depth_lies_over_the_darkened_frame():
    image, depth = np.full((100, 180, 3), 200, np.uint8), np.zeros((100, 180), np.float32)
    depth[50, 60], depth[20, 20] = 5, 50
    picture = OverlayPainter(META).draw(image, dict(depth=depth))[:, 180:]
    assert (picture[49:52, 59:62] == picture[50, 60]).all() and np.ptp(picture[50, 60].astype(int)) > 50
    assert len(np.unique(picture.reshape(-1, 3), axis=0)) == 3  # two readings and grey
    assert 50 < picture[0, 0, 0] < 150 and np.ptp(picture[0, 0]) == 0


def test_streets_have_a_logarithmic_scale_as_on_panels_and_keep_it():
    depth = np.geomspace(2, 60, 17 * 23).reshape(17, 23).astype(np.float32)
    painter = OverlayPainter()
    picture = tile(painter.draw(IMAGE, dict(depth=depth)), 1)
    few = depth[::8, ::8]
    wanted = paint_depth(depth, *np.percentile(few, (1, 99)), log=True)
    assert np.abs(picture.astype(int) - wanted).max() <= 8
    # The far end comes nearer: 2 to 60 becomes 2 to 11, but colours still follow the logarithm.
    near = np.geomspace(2, 11, 17 * 23).reshape(17, 23).astype(np.float32)
    for _ in range(150):
        later = tile(painter.draw(IMAGE, dict(depth=near)), 1)
    wanted = paint_depth(near, *np.percentile(near[::8, ::8], (1, 99)), log=True)
    assert np.abs(later.astype(int) - wanted).max() <= 8
