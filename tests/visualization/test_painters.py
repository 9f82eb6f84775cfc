import matplotlib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from mtl_plugins.kinds import find_kind
from mtl_plugins.visualization import (
    VOID_COLOUR,
    make_palette,
    paint_classes,
    paint_depth,
    paint_generic,
    paint_normals,
    paint_task,
    register_task_painter,
)
from mtl_plugins.visualization.task_painters import TASK_PAINTERS, Painted

SIZES = hnp.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=9)
FLOATS = st.floats(width=32, allow_nan=True, allow_infinity=True)
DEPTHS = st.floats(-1, float(np.float32(1e30)), width=32) | st.sampled_from([np.nan, np.inf, -np.inf])


@given(labels=hnp.arrays(np.uint8, SIZES, elements=st.sampled_from([0, 1, 5, 11, 255])))
def test_each_pixel_has_its_classs_colour_and_void_is_grey(labels):
    palette = make_palette(12)
    picture = paint_classes(labels, palette)
    assert picture.shape == (*labels.shape, 3) and picture.dtype == np.uint8
    for index in np.unique(labels):
        expected = VOID_COLOUR if index == 255 else palette[index]
        assert (picture[labels == index] == expected).all()


def test_an_id_without_a_colour_raises():
    with pytest.raises(ValueError, match=r"ids \[7\].*0 to 2"):
        paint_classes(np.array([[0, 7]]), make_palette(3))


@given(depth=hnp.arrays(np.float32, SIZES, elements=FLOATS))
def test_only_invalid_depth_is_black(depth):
    picture = paint_depth(depth, 1.0, 5.0)
    assert picture.shape == (*depth.shape, 3) and picture.dtype == np.uint8
    invalid = ~(np.isfinite(depth) & (depth > 0))
    assert ((picture == 0).all(-1) == invalid).all()


@given(maps=st.lists(hnp.arrays(np.float32, SIZES, elements=DEPTHS), min_size=1, max_size=3))
def test_any_depth_is_painted_on_panels_and_videos(maps):
    painted = paint_task("depth", maps)
    paint_frame = find_kind("metric_depth").frame_painter({})
    for depth, picture in zip(maps, painted.pictures, strict=True):
        valid = np.isfinite(depth) & (depth > 0)
        sparse = 0 < valid.sum() < 0.3 * valid.size
        for result in (picture, paint_frame(depth)):
            assert result.shape == (*depth.shape, 4 if sparse else 3) and result.dtype == np.uint8
            shown = result[..., 3] > 0 if sparse else (result != 0).any(-1)
            assert (shown == valid).all()
    assert painted.bar.low < painted.bar.high and len(painted.bar.scale.ticks()) >= 1


@pytest.mark.parametrize("colormap", ["turbo_r", "magma_r", "viridis"])
def test_depth_is_monotonic_along_the_colormap(colormap):
    table = [tuple(c[:3]) for c in matplotlib.colormaps[colormap](np.linspace(0, 1, 256), bytes=True)]
    picture = paint_depth(np.linspace(1, 5, 200)[None], 1.0, 5.0, colormap)
    places = [table.index(tuple(colour)) for colour in picture[0]]
    assert places == sorted(places)
    assert (places[0], places[-1]) == (0, 255)
    assert (paint_depth(np.array([[0.5, 9.0]]), 1.0, 5.0, colormap)[0] == picture[0, [0, -1]]).all()


@given(
    hnp.arrays(
        np.float32,
        st.tuples(st.just(3), st.integers(1, 6), st.integers(1, 6)),
        elements=st.floats(-1, 1, width=32),
    )
)
def test_normals_can_be_decoded_from_their_colours(vectors):
    length = np.linalg.norm(vectors, axis=0, keepdims=True)
    normals = np.where(length > 1e-3, vectors / np.maximum(length, 1e-3), 0)
    picture = paint_normals(normals)
    assert picture.shape == (*normals.shape[1:], 3)
    invalid = (normals == 0).all(0)
    assert (picture[invalid] == 0).all()
    decoded = (picture / 127.5 - 1).transpose(2, 0, 1) * np.array([1, -1, -1])[:, None, None]
    assert np.abs(decoded - normals)[:, ~invalid].max(initial=0) <= 0.5 / 127.5 + 1e-6


@pytest.mark.parametrize(
    ("normal", "colour"),
    [((0, 0, -1), (128, 128, 255)), ((0, -1, 0), (128, 255, 128)), ((1, 0, 0), (255, 128, 128))],
)
def test_normals_have_the_usual_colours(normal, colour):
    assert tuple(paint_normals(np.float32(normal).reshape(3, 1, 1))[0, 0]) == colour


@given(values=hnp.arrays(np.float32, SIZES, elements=FLOATS))
def test_any_map_can_be_painted(values):
    picture = paint_generic(values)
    assert picture.shape == (*values.shape, 3) and picture.dtype == np.uint8
    assert (picture[~np.isfinite(values)] == 0).all()


@pytest.mark.parametrize("shape", [(2, 3, 4), (3,)])
def test_wrong_shape_error_names_the_expected_shape(shape):
    with pytest.raises(ValueError, match=r"must be \(H, W\)"):
        paint_depth(np.ones(shape), 0.0, 1.0)
    with pytest.raises(ValueError, match=r"must be \(3, H, W\)"):
        paint_normals(np.ones(shape))


@settings(max_examples=20)
@given(n=st.integers(0, 60))
def test_palettes_are_prefixes_of_longer_ones_with_distinct_colours(n):
    palette = make_palette(60)
    assert (make_palette(n) == palette[:n]).all()
    distance = np.abs(palette[:, None].astype(int) - palette[None]).sum(-1)
    assert distance[~np.eye(60, dtype=bool)].min() >= 15
    assert np.abs(palette.astype(int) - VOID_COLOUR).sum(1).min() >= 30


def test_ground_truth_and_prediction_share_the_depth_range():
    truth, prediction = np.full((1, 2, 2), 2.0), np.full((1, 2, 2), 3.0)
    truth[0, 0] = [1.0, 4.0]
    painted = paint_task("depth", [truth, prediction])
    assert (painted.bar.low, painted.bar.high) == pytest.approx((1.0, 4.0), abs=0.1)
    assert (painted.pictures[1] == paint_depth(prediction, painted.bar.low, painted.bar.high)).all()


@pytest.mark.parametrize(
    "maps",
    [
        [np.array([[[0, 1], [255, 1]]], np.uint8), np.random.default_rng(0).random((1, 2, 2), np.float32)],
        [np.array([[[0, 1], [255, 1]]], np.uint8)],
        [np.array([[[True, False]]])],
        [np.arange(400).reshape(1, 20, 20)],
        [np.zeros((3, 2, 2), np.uint8)],
        [np.full((1, 2, 2), np.nan, np.float32)],
        [np.ones((5, 2, 3), np.float32)],
        [np.full((1, 2, 2), 255, np.uint8)],
    ],
)
def test_any_map_of_a_user_defined_task_is_painted(maps):
    painted = paint_task("saliency", maps)
    assert [p.shape for p in painted.pictures] == [(*m.shape[1:], 3) for m in maps]
    assert all(p.dtype == np.uint8 for p in painted.pictures)


def test_the_classes_of_each_task_are_named():
    meta = dict(classes=("wall", "floor"), task_classes=dict(parts=("head", "arm", "leg")))
    maps = [np.array([[[1, 2]]], np.uint8)]
    assert [name for name, _ in paint_task("parts", maps, meta).legend] == ["arm", "leg"]
    assert [name for name, _ in paint_task("semseg", maps, meta).legend] == ["floor", "2"]


def test_a_user_can_register_a_painter(monkeypatch):
    monkeypatch.setattr("mtl_plugins.visualization.task_painters.TASK_PAINTERS", dict(TASK_PAINTERS))
    red = np.full((2, 2, 3), (255, 0, 0), np.uint8)
    register_task_painter("flow")(lambda maps, meta: Painted([red for _ in maps]))
    assert (paint_task("flow", [np.zeros((2, 2, 2))]).pictures[0] == red).all()
