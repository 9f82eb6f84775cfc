"""Training and test pipelines that show objects at different sizes are reported before the first iteration."""

from types import SimpleNamespace

import pytest
import torch

from mtl_plugins.datasets import NYUDv2, Pipeline
from mtl_plugins.engine.input_scale_hook import InputScaleHook, _parts, compare_scales, input_scale

from .test_label_ranges_hook import HeadsModel, write

SIZE = (24, 32)
PACK = dict(type="PackSample")
HALF = dict(type="Resize", size=(12, 16))
CROP = dict(type="RandomCrop", size=(12, 16))


def zoom(low, high):
    return dict(type="RandomZoom", scale=(low, high), p=1.0)


@pytest.mark.parametrize(
    ("transforms", "expected"),
    [
        ([], 1.0),
        ([HALF], 0.5),
        ([dict(type="ResizeInput", size=(12, 16))], 0.5),
        ([HALF, zoom(0.8, 1.5), CROP], 0.5),
        ([zoom(0.4, 0.6), CROP], 1.0),
        ([CROP, dict(type="RandomHorizontalFlip", p=0.5)], 1.0),
        ([dict(type="Resize", size=(12, 16)), dict(type="ResizeInput", size=(6, 8))], 0.25),
    ],
)
def test_the_scale_of_pipelines(transforms, expected):
    assert input_scale(Pipeline([*transforms, PACK]), SIZE) == pytest.approx(expected, rel=0.01)


def test_pipelines_that_need_more_than_an_image_are_not_checked():
    assert input_scale(Pipeline([lambda sample: sample | dict(img=sample["missing"]), PACK]), SIZE) is None
    assert input_scale(Pipeline([HALF]), SIZE) is None  # not packed


def test_no_random_number_of_the_training_is_used():
    before = torch.random.get_rng_state()
    input_scale(Pipeline([zoom(0.5, 1.5), CROP, PACK]), SIZE)
    assert torch.equal(torch.random.get_rng_state(), before)


def warnings_of(root, train, val, predict=None, tasks=("depth",)):
    """What the hook logs for a training set, a validation set and a `predict_pipeline`."""
    parts = [NYUDv2(write(root), "train", tasks=list(tasks), pipeline=[*steps, PACK]) for steps in (train, val)]
    found = []
    runner = SimpleNamespace(
        iter=0,
        model=HeadsModel(),
        cfg={} if predict is None else dict(predict_pipeline=[*predict, PACK]),
        train_dataloader=SimpleNamespace(dataset=parts[0]),
        val_loop=SimpleNamespace(dataloader=SimpleNamespace(dataset=parts[1])),
        logger=SimpleNamespace(warning=found.append),
    )
    InputScaleHook().before_train(runner)
    return found


def test_a_zoom_instead_of_a_resize_is_reported(tmp_path):
    [message] = warnings_of(tmp_path, [zoom(0.4, 0.6), CROP], [HALF], predict=[HALF])
    assert "depth of the training set: the training pipeline shows objects at 1.00 times" in message
    assert "but the pipeline of the validation set at 0.50 times" in message
    assert "wrong by a factor of about 2." in message and "before RandomZoom" in message


def test_a_prediction_at_another_size_is_reported(tmp_path):
    [message] = warnings_of(tmp_path, [HALF], [HALF])
    assert "but predict_pipeline at 1.00 times" in message


@pytest.mark.parametrize("tasks", [("depth",), ("semseg",)])
def test_equal_sizes_and_tasks_without_metres_are_fine(tmp_path, tasks):
    assert not warnings_of(tmp_path, [HALF, zoom(0.8, 1.5), CROP], [HALF], [HALF], tasks)
    assert len(warnings_of(tmp_path, [zoom(0.4, 0.6), CROP], [HALF], [HALF], tasks)) == (tasks == ("depth",))


def test_the_parts_of_several_datasets_are_compared_by_name():
    scales = {name: SimpleNamespace(name=name, pipeline=None, read=None, tasks=()) for name in ("a", "b")}
    nested = SimpleNamespace(datasets=scales)
    assert dict(_parts(nested)) == scales


def test_unreadable_images_are_left_to_the_training(tmp_path):
    dataset = NYUDv2(write(tmp_path), "train", pipeline=[zoom(0.4, 0.6), PACK])
    pipeline = Pipeline([HALF, PACK])
    assert "at 0.50 times" in compare_scales(dataset, pipeline, "the test")
    (tmp_path / "rgb/0.png").write_bytes(b"")
    assert compare_scales(dataset, pipeline, "the test") is None
