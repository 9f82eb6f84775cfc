"""Presets are found by name here and by mmengine, and come from this package only."""

import subprocess
import sys
from pathlib import Path

import pytest
from mmengine import hub
from mmengine.config import Config

import mtl_plugins.apis.presets as presets
from mtl_plugins.apis import find_config, list_presets, load_config

NAMES = ["hydranet_nyud.py", "distillation/rooms_masked.py", "teachers/wrn38_cityscapes.py"]


def test_presets_are_listed_with_their_folders():
    names = list_presets()
    assert {"hydranet_nyud", "distillation/rooms_masked", "teachers/wrn38_cityscapes"} <= set(names)
    assert not any("_base_" in name for name in names)


@pytest.mark.parametrize(
    "name", ["rooms_masked", "distillation/rooms_masked", "mtl_plugins::distillation/rooms_masked.py"]
)
def test_spellings_of_a_name(name):
    assert find_config(name).name == "rooms_masked.py"


@pytest.mark.parametrize(
    "name", ["elsewhere/hydranet_nyud.py", "distillation/hydranet_nyud", "mtl_plugins::_base_/../x.py"]
)
def test_a_preset_is_not_found_in_a_wrong_folder(name):
    with pytest.raises(FileNotFoundError, match="config not found"):
        find_config(name)


def test_two_presets_of_one_name_raise(tmp_path, monkeypatch):
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "twin.py").write_text("")
    monkeypatch.setattr(presets, "preset_folder", lambda: tmp_path)
    with pytest.raises(ValueError, match="the same name: twin"):
        list_presets()


def test_the_configs_folder_of_another_package_is_not_read(tmp_path, monkeypatch):
    """In site-packages, `configs` next to this package belongs to another one."""
    (tmp_path / "configs").mkdir()
    (tmp_path / "configs" / "hydranet_nyud.py").write_text("foreign = True\n")
    monkeypatch.setattr(presets, "_PACKAGE", tmp_path / "mtl_plugins")
    with pytest.raises(FileNotFoundError, match="the presets are missing"):
        find_config("mtl_plugins::hydranet_nyud.py")


@pytest.mark.parametrize("name", NAMES)
def test_mmengines_hub_finds_presets(name):
    ours = load_config(f"mtl_plugins::{name}")
    assert hub.get_config(f"mtl_plugins::{name}").model == ours.model


def test_mmengines_hub_builds_a_model():
    model = hub.get_model("mtl_plugins::hydranet_nyud.py")
    assert set(model.heads) == {"semseg", "depth"}


def test_presets_and_shared_parts_work_as_base(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text("_base_ = ['mtl_plugins::hydranet_nyud.py']\ndata_root = 'mine'\n")
    wanted = load_config("hydranet_nyud", dict(data_root="mine"))
    assert load_config(path).to_dict() == wanted.to_dict()
    assert Config.fromfile(path).model == wanted.model
    path.write_text("_base_ = ['mtl_plugins::_base_/models/hydranet.py']\n")
    assert load_config(path).model.type == "MultiTaskModel"


def test_other_packages_are_found_as_before():
    plain = "from mmengine.hub import get_config\n"
    code = "try:\n    get_config('mmdet::a/b.py')\nexcept Exception as error:\n    print(type(error).__name__, error)\n"
    outputs = [
        subprocess.run([sys.executable, "-c", start + code], capture_output=True, text=True, check=True).stdout
        for start in (plain, f"{plain}import mtl_plugins.apis\n")
    ]
    assert outputs[0] and outputs[0] == outputs[1]


def test_get_config_imported_before_this_package_finds_presets(tmp_path):
    code = "from mmengine.hub import get_config\nimport mtl_plugins.apis\n"
    code += "print(get_config('mtl_plugins::hydranet_nyud.py').model.type)"
    root = str(Path(__file__).resolve().parents[2])
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env={"PYTHONPATH": root}, capture_output=True, text=True, check=True
    )
    assert done.stdout == "MultiTaskModel\n"
