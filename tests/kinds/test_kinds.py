"""The contract of every registered kind."""

import numpy as np
import pytest
import torch

from mtl_plugins.kinds import LabelOptions, find_kind, kind_of_task, list_kinds, task_title

N, K, SIZE = 2, {"unit_vectors": 3, "metric_depth": 1, "panoptic": 7}, (6, 9)
PER_IMAGE = ("image_classes", "image_numbers")


def raw_output(name, seed=0):
    generator = torch.Generator().manual_seed(seed)
    size = () if name in PER_IMAGE else SIZE
    return 2 * torch.randn(N, K.get(name, 4), *size, generator=generator)


@pytest.fixture(params=list_kinds())
def kind(request):
    return find_kind(request.param)


@pytest.fixture
def scores(kind):
    return kind.to_scores(raw_output(kind.name))


def test_predictions_from_raw_output_and_from_scores_are_equal(kind, scores):
    prediction = kind.from_scores(scores)
    torch.testing.assert_close(prediction, kind.to_prediction(raw_output(kind.name)))
    assert len(prediction) == N and scores.is_floating_point()


def test_mirroring_twice_is_the_identity(kind, scores):
    torch.testing.assert_close(kind.undo_mirror(kind.undo_mirror(scores)), scores)


def test_zoom_by_one_is_the_identity_and_zooms_are_undone(kind, scores):
    torch.testing.assert_close(kind.undo_zoom(scores, 1.0), scores)
    torch.testing.assert_close(kind.undo_zoom(kind.undo_zoom(scores, 2.0), 0.5), scores)


def test_scores_are_resized(kind):
    raw = raw_output(kind.name)
    scores = kind.to_scores(raw, (12, 18))
    assert scores.shape == (raw.shape if kind.name in PER_IMAGE else (*raw.shape[:2], 12, 18))
    assert torch.equal(kind.to_scores(raw, SIZE), kind.to_scores(raw))


@pytest.mark.parametrize("options", [LabelOptions(), LabelOptions(confidence=0.5, scale=100.0, max_depth=1.5)])
def test_labels_are_restored_from_files(kind, scores, options, tmp_path):
    labels, confidence = kind.to_label(scores, options)
    assert (confidence is not None) == kind.has_confidence
    label = labels[0].numpy()
    path = tmp_path / f"label{kind.suffix}"
    stored = kind.encode_scores(scores[0].numpy(), label, options) if kind.suffix == ".png" else None
    assert write(kind, path, stored, label) == path
    read = kind.read(path, options)
    assert torch.equal(read.as_subclass(torch.Tensor), labels[0])
    assert torch.equal(kind.valid(read), kind.valid(labels[0]))


def write(kind, path, stored, label):
    from mtl_plugins.kinds.kind import write_stored

    return write_stored(path, stored, label)


def test_void_pixels_are_invalid(kind, scores):
    label = kind.to_label(scores)[0][0]
    valid = kind.valid(label)
    assert valid.shape == label.shape[1:] and valid.dtype == torch.bool
    assert not kind.valid(torch.full_like(label, kind.void)).any()


def test_painted_pictures_have_the_right_shape_and_range(kind, scores):
    maps = [kind.from_scores(scores)[i].numpy() for i in range(N)]
    painted = kind.paint(maps, {"classes": ("a", "b", "c", "d"), "palette": None} if kind.has_classes else {})
    size = painted.pictures[0].shape[:2] if kind.name in PER_IMAGE else SIZE
    pictures = [*painted.pictures, kind.frame_painter({})(maps[0])]
    assert all(picture.shape == (*size, 3) and picture.dtype == np.uint8 for picture in pictures)
    if painted.bar is not None:
        assert painted.bar.low < painted.bar.high and painted.bar.unit == kind.unit


def test_predictions_are_restored_from_files(kind, scores, tmp_path):
    values = kind.from_scores(scores)[0].numpy()
    path = kind.write(tmp_path / "map.png", values, LabelOptions(scale=1000.0))
    assert path.is_file() and path.suffix == kind.suffix
    read = kind.read(path, LabelOptions(scale=1000.0)).numpy()
    np.testing.assert_allclose(read, values, atol=0.02)


@pytest.mark.parametrize(
    ("task", "values", "name"),
    [
        ("semseg", None, "classes"),
        ("depth", np.zeros((1, 2, 2), np.uint16), "metric_depth"),
        ("normals", None, "unit_vectors"),
        ("edge", None, "probability"),
        ("terrain", np.zeros((1, 2, 2), np.uint8), "classes"),
        ("terrain", torch.zeros(2, 2, dtype=torch.int64), "classes"),
        ("terrain", np.zeros((3, 2, 2), np.uint8), "numbers"),
        ("terrain", torch.zeros(1, 2, 2), "numbers"),
        ("terrain", [np.zeros((1, 2, 2), np.uint8), np.zeros((1, 2, 2))], "numbers"),
        ("weather", torch.zeros(1, dtype=torch.int64), "image_classes"),
        ("weather", None, "numbers"),
    ],
)
def test_the_kind_follows_from_the_task_and_its_values(task, values, name):
    assert kind_of_task(task, () if values is None else values).name == name


def test_earlier_names_are_accepted_and_unknown_names_raise():
    assert [find_kind(name).name for name in ("depth", "normals", "map")] == ["metric_depth", "unit_vectors", "numbers"]
    assert task_title("normals") == "surface normals" and task_title("terrain") == "terrain"
    with pytest.raises(ValueError, match="Unknown kind 'clases': did you mean 'classes'.*custom_imports"):
        find_kind("clases")


def test_files_of_another_format_raise():
    with pytest.raises(ValueError, match="class id 7, but there are 3 classes"):
        find_kind("classes").decode(torch.full((1, 2, 2), 7, dtype=torch.uint8), LabelOptions(num_classes=3))
    with pytest.raises(ValueError, match="16-bit grey PNGs"):
        find_kind("metric_depth").decode(torch.zeros(1, 2, 2, dtype=torch.uint8))
    with pytest.raises(ValueError, match="8-bit RGB PNGs"):
        find_kind("unit_vectors").decode(torch.zeros(1, 2, 2, dtype=torch.uint8))


def test_probabilities_are_painted_from_0_to_1_and_read_from_pictures():
    kind = find_kind("probability")
    painted = kind.paint([np.full((1, 2, 2), 0.3, np.float32)], {})
    assert (painted.bar.low, painted.bar.high) == (0, 1)
    assert kind.decode(torch.tensor([[[0, 51, 255]]], dtype=torch.uint8)).tolist() == [[[0, pytest.approx(0.2), 1]]]


def test_panoptic_maps_are_painted_in_shades_and_named():
    kind = find_kind("panoptic")
    ids = np.zeros((1, 6, 9), np.int32)
    ids[0, :3, :4], ids[0, :3, 5:], ids[0, 5] = 2001, 2002, kind.void
    meta = {"classes": ("wall", "floor", "chair"), "palette": [(90, 90, 90), (0, 90, 0), (160, 80, 40)]}
    painted = kind.paint([ids], meta)
    assert [name for name, _ in painted.legend] == ["wall", "chair", "void"]
    picture = painted.pictures[0]
    assert picture[4, 0].tolist() == [30, 30, 30] and picture[3, 2].tolist() == [90, 90, 90]  # outline, stuff
    assert not np.array_equal(picture[1, 1], picture[1, 6])
    with pytest.raises(ValueError, match="8-bit RGB PNGs"):
        kind.decode(torch.zeros(1, 2, 2, dtype=torch.uint8))


def test_offsets_of_panoptic_scores_are_pixels_and_follow_a_mirror():
    kind = find_kind("panoptic")
    raw = torch.zeros(1, 7, 3, 4)
    raw[:, -2], raw[:, -1] = 0.5, 0.25
    scores = kind.to_scores(raw, (6, 8))
    assert (scores[:, -2] == 3).all() and (scores[:, -1] == 2).all()
    assert (kind.undo_mirror(scores)[:, -1] == -2).all() and (kind.undo_mirror(scores)[:, -2] == 3).all()
