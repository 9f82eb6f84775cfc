"""Tests of mtl_plugins.cli.teacher_checkpoints."""

from pathlib import Path

import pytest

from mtl_plugins.apis import load_config
from mtl_plugins.cli.experiments import FOLDERS, STAGES
from mtl_plugins.cli.kitti_drive_stages import AVERAGED, FOLDER, teacher_options
from mtl_plugins.cli.parse_value import parse_value
from mtl_plugins.cli.teacher_checkpoints import DEFAULT_FOLDER, teacher_checkpoints


@pytest.mark.parametrize(
    "config",
    [f"{FOLDERS.get(experiment, 'distillation')}/{stage}" for experiment in STAGES for stage in STAGES[experiment]],
)
def test_every_teacher_of_an_experiment_is_found_below_another_folder(config, tmp_path):
    settings = dict(option.split("=", 1) for option in teacher_checkpoints(config, tmp_path / "runs"))
    moved = load_config(config, {key: parse_value(value) for key, value in settings.items()})
    assert f"checkpoint='{DEFAULT_FOLDER}" not in repr(moved.custom_hooks)
    assert repr(load_config(config).custom_hooks).count(f"'{DEFAULT_FOLDER}/") == len(settings)
    for value in settings.values():
        assert Path(value).is_relative_to(tmp_path / "runs")


def test_joint_roads():
    options = teacher_checkpoints("real_joint/real_teachers", "elsewhere")
    assert [option.partition(".teachers.")[2] for option in options] == [
        "0.checkpoint=elsewhere/real_only_camvid",
        "1.checkpoint=elsewhere/real_only_depth",
    ]


def test_averaged_teachers_of_a_drive():
    options = teacher_options(AVERAGED, Path("elsewhere"), "cityscapes.onnx")
    hooks = load_config(f"{FOLDER}/{AVERAGED}", dict(option.split("=") for option in options)).custom_hooks
    camvid, cityscapes = next(hook for hook in hooks if hook.type == "DistillationHook").teachers[0].average
    assert camvid.checkpoint == "elsewhere/hydranet_camvid_imagenet"
    assert cityscapes.model.file == "cityscapes.onnx"
