import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtl_plugins.kinds import ColourBar
from mtl_plugins.visualization import draw_panel, make_palette, paint_classes, paint_normals
from mtl_plugins.visualization.panel import BACKGROUND, EMPTY_TILE, _font, draw_colour_bar
from mtl_plugins.visualization.panel_layout import IMAGE, KEYS, Cell, arrange_cells, is_wide

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
    assert panel.shape[1] > (640 if is_wide(*size) else 4 * 240)
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


@pytest.mark.parametrize("size", [(90, 120), (48, 160)])
def test_tasks_without_any_map_get_a_grey_tile(size):
    image, maps = example(*size)
    one = draw_panel(image, dict(depth=maps["depth"]), tasks=["depth", "normals"])
    none = draw_panel(image, tasks=["depth", "normals"])
    without = draw_panel(image, dict(depth=maps["depth"]))
    grey = [(panel == EMPTY_TILE).all(-1).sum() for panel in (one, none, without)]
    assert grey[0] > 5000 and grey[1] > 1.9 * grey[0] and grey[2] == 0


ROWS = dict(gt="ground truth", pred="prediction")


@given(st.booleans(), st.integers(0, 6), st.data())
def test_every_cell_of_the_grid_is_filled(wide, number, data):
    tasks = [f"task {i}" for i in range(number)]
    rows = {row: data.draw(st.sets(st.sampled_from(tasks))) if tasks else () for row in ROWS.values()}
    rows = {row: present for row, present in rows.items() if present}
    cells = arrange_cells(wide, tasks, rows)
    assert len({len(row) for row in cells}) == 1
    flat = [cell for row in cells for cell in row]
    maps = [Cell(task, row) for row, present in rows.items() for task in present]
    assert flat[0] == IMAGE and flat.count(IMAGE) == 1
    assert all(flat.count(cell) == 1 for cell in maps)
    if wide:
        without = set(tasks) - {cell.task for cell in maps} if rows else ()
        assert len(cells[0]) == 1 and len(flat) == 1 + len(maps) + len(without)
    else:
        assert flat.count(KEYS) == max(len(rows) - 1, 0)
        assert len(flat) == max(len(rows), 1) * (1 + (len(tasks) if rows else 0))


def longest_blank(panel):
    """Number of successive pixel rows, in the largest block, that are blank over one of the panel's quarters."""
    blank = (panel == BACKGROUND).all(-1)
    quarters = np.array_split(blank, 4, axis=1)
    longest = 0
    for quarter in quarters:
        run = 0
        for empty in quarter[:, 30:].all(1):
            run = run + 1 if empty else 0
            longest = max(longest, run)
    return longest


@pytest.mark.parametrize(("number", "size"), [(1, (75, 248)), (2, (64, 128)), (3, (48, 160)), (6, (75, 248))])
def test_panels_of_wide_images_have_no_blank_places(size, number):
    image, maps = example(*size)
    named = {f"depth{i}": maps["depth"] for i in range(number)}
    meta = dict(kinds={name: "metric_depth" for name in named})
    panel = draw_panel(image, named, named, meta, title="000010")
    tile_height = size[0] * (panel.shape[1] - 40) // size[1]
    assert longest_blank(panel) < tile_height / 3
    labelled = draw_panel(image, {"depth0": maps["depth"]}, named, meta)
    assert labelled.shape[1] >= panel.shape[1] and EMPTY_TILE not in colours(labelled)


@pytest.mark.parametrize("number", [1, 3, 6])
def test_panels_of_other_images_are_filled_and_not_too_large(number):
    image, maps = example(90, 120)
    named = {f"depth{i}": maps["depth"] for i in range(number)}
    panel = draw_panel(image, named, named, dict(kinds={name: "metric_depth" for name in named}))
    assert panel.shape[1] < 3000 and panel.shape[0] < panel.shape[1]
    below_the_image = panel[panel.shape[0] // 2 + 40 :, 60 : panel.shape[1] // (number + 1) - 20]
    assert ((below_the_image != BACKGROUND).any(-1)).mean() > 0.03  # the colour bars


def test_keys_are_in_the_cell_below_the_image_or_the_image_is_centred():
    image, maps = example(90, 120)
    image[:] = (1, 2, 3)
    photo = dict(photo=np.zeros((3, 360, 480), np.uint8))  # an RGB image has no key
    panel = draw_panel(image, photo, photo, dict(kinds=dict(photo="numbers")))
    rows = np.flatnonzero((panel == (1, 2, 3)).all(-1).any(1))
    assert rows[0] > 150 and rows[-1] - rows[0] == 299


def test_sparse_depth_lies_over_the_darkened_image_and_its_prediction_does_not():
    image, maps = example(120, 480)
    image[:] = (200, 100, 50)
    sparse = np.zeros((1, 120, 480), np.float32)
    sparse[0, ::8, ::8] = 20.0
    panel = draw_panel(image, dict(depth=sparse), dict(depth=maps["depth"]), {})
    grey = colours(panel[panel.shape[0] // 3 : 2 * panel.shape[0] // 3, 100:300])
    darkened = [c for c in grey if c[0] == c[1] == c[2] and 30 < c[0] < 100]
    assert len(darkened) >= 1 and (0, 0, 0) not in colours(panel)


@pytest.mark.parametrize(("low", "high", "log"), [(0.8, 3.1, False), (6, 57, True), (0.8, 80, True), (0, 1, False)])
@pytest.mark.parametrize("length", [50, 240, 1000])
def test_the_numbers_of_a_colour_bar_do_not_overlap(length, low, high, log):
    bar = ColourBar(np.zeros((256, 3), np.uint8), low, high, log=log)
    picture = np.asarray(draw_colour_bar(bar, length, _font(14)))
    assert picture.shape[1] == length
    columns = np.flatnonzero((picture[18:] != BACKGROUND).any((0, 2)))  # of the numbers, below the ticks
    numbers = 1 + (np.diff(columns) > 4).sum()
    if length == 1000:
        assert numbers == len(bar.scale.ticks())
    assert numbers <= max(3, length // 20)
    assert numbers >= (1 if length == 50 else 3)
