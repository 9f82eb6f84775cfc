import numpy as np
import pytest

from mtl_plugins.visualization import draw_panel, make_palette, paint_classes, paint_normals
from mtl_plugins.visualization.panel import EMPTY_TILE

META = dict(classes=[f"class {i}" for i in range(40)], palette=make_palette(40))


def example(height=24, width=32, seed=0):
    rng = np.random.default_rng(seed)
    image = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
    semseg = rng.integers(0, 4, (1, height, width), dtype=np.uint8)
    depth = rng.uniform(1, 5, (1, height, width)).astype(np.float32)
    normals = rng.normal(size=(3, height, width)).astype(np.float32)
    return image, dict(semseg=semseg, depth=depth, normals=normals / np.linalg.norm(normals, axis=0))


def colours(picture):
    packed = np.unique(picture.astype(np.int64) @ (65536, 256, 1))
    return {(int(c) >> 16, int(c) >> 8 & 255, int(c) & 255) for c in packed}


def test_the_panel_shows_every_map_in_its_colours():
    image, maps = example()
    panel = colours(draw_panel(image, maps, maps, META))
    assert colours(paint_classes(maps["semseg"], META["palette"])) <= panel
    assert colours(paint_normals(maps["normals"])) <= panel
    assert EMPTY_TILE not in panel


def test_a_missing_label_is_a_neutral_tile_of_the_same_size():
    image, maps = example()
    complete = draw_panel(image, maps, maps, META)
    for task in maps:
        partial = {other: values for other, values in maps.items() if other != task}
        panel = draw_panel(image, partial, maps, META)
        assert panel.shape == complete.shape
        assert (panel == EMPTY_TILE).all(-1).sum() > 0.5 * 400 * 300


def test_a_row_without_maps_is_left_out():
    image, maps = example()
    both = draw_panel(image, maps, maps, META)
    truth, prediction = draw_panel(image, gt=maps, meta=META), draw_panel(image, pred=maps, meta=META)
    assert truth.shape == prediction.shape
    assert truth.shape[1] == both.shape[1] and truth.shape[0] < both.shape[0]
    assert draw_panel(image).shape[1] < both.shape[1] / 2


@pytest.mark.parametrize("size", [(240, 320), (480, 640), (180, 240), (37, 122), (64, 8), (9, 200), (1, 1)])
def test_any_image_size(size):
    image, maps = example(*size)
    panel = draw_panel(image, maps, maps, META, title="0001, epoch 3")
    assert panel.dtype == np.uint8 and panel.shape[2] == 3
    assert panel.shape[1] > 4 * 240
    assert max(panel.shape) < 4 * 700


def test_maps_of_another_size_than_the_image_and_maps_without_a_channel_axis():
    image, maps = example(48, 64)
    _, small = example(24, 32)
    panel = draw_panel(image, {"depth": maps["depth"][0]}, small, META)
    assert panel.shape == draw_panel(image, {"depth": maps["depth"]}, maps, META).shape


def test_many_classes_without_names_or_palette_and_all_void():
    image, _ = example(60, 80)
    many = np.arange(60 * 80).reshape(1, 60, 80) % 150
    assert draw_panel(image, dict(semseg=many), dict(semseg=many)).shape[0] > 600
    void = dict(semseg=np.full((1, 60, 80), 255, np.uint8), depth=np.zeros((1, 60, 80)), normals=np.zeros((3, 60, 80)))
    assert colours(draw_panel(image, void, void, META)) >= {(0, 0, 0), (176, 176, 176)}


def test_an_invalid_image_raises():
    with pytest.raises(ValueError, match=r"uint8 \(H, W, 3\)"):
        draw_panel(np.zeros((3, 4, 5), np.float32))
