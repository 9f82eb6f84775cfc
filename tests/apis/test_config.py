"""Finding, reading and overriding configs."""

import copy
import shutil
import sys

import pytest
from mmengine.config import Config

from mtl_plugins.apis import load_config
from mtl_plugins.apis.config import find_config


@pytest.mark.parametrize("name", ["hydranet_nyud", "hydranet_nyud.py", "configs/hydranet_nyud.py"])
def test_presets_are_found_by_name_from_anywhere(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert find_config(name).name == "hydranet_nyud.py"


def test_a_users_file_takes_precedence_over_a_preset(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "hydranet_nyud.py").write_text("mine = True\n")
    assert load_config("hydranet_nyud.py").mine is True


@pytest.mark.parametrize("name", ["hydranet_nyu", "configs/hydranet_nuyd.py", "/elsewhere/hydranet_nyud3.py"])
def test_an_unknown_name_suggests_the_nearest(name):
    with pytest.raises(
        FileNotFoundError,
        match=f"not found: {name} is neither .* nor a release: did you mean .*hydranet_nyud.*`mtl presets` lists",
    ):
        load_config(name)


def test_a_name_similar_to_none_says_how_to_list_the_presets():
    with pytest.raises(
        FileNotFoundError,
        match=r"qqqq is neither a file, a preset nor a release\. `mtl presets` lists all presets, .*networks\.$",
    ):
        load_config("qqqq")


def test_data_root_changes_the_folder_of_all_datasets():
    cfg = load_config("hydranet_nyud", dict(data_root="/some/where"))
    loaders = (cfg.train_dataloader, cfg.val_dataloader, cfg.test_dataloader)
    assert [loader.dataset.data_root for loader in loaders] == ["/some/where"] * 3


def test_data_root_applies_to_wrapped_datasets_without_a_folder(tmp_path):
    parts = [dict(type="NYUDv2"), dict(type="NYUDv2", data_root="/own")]
    wrapped = dict(type="RepeatDataset", times=2, dataset=dict(type="ConcatDataset", datasets=parts))
    cfg = load_config(Config(dict(data_root="/given", train_dataloader=dict(dataset=wrapped))))
    inner = cfg.train_dataloader.dataset.dataset.datasets
    assert [dataset.data_root for dataset in inner] == ["/given", "/own"]


def test_options_change_nested_settings_in_a_copy_of_the_config():
    given = load_config("hydranet_nyud")
    before = copy.deepcopy(given.to_dict())
    cfg = load_config(given, {"model.backbone.model_name": "resnet18", "data_root": "/x"})
    assert cfg.model.backbone.model_name == "resnet18"
    cfg.model.heads.depth.loss.loss_weight = 7
    cfg.train_dataloader.dataset.data_root = "/y"
    assert given.to_dict() == before


def test_a_failing_custom_import_names_the_folders_that_were_searched(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text("custom_imports = dict(imports=['no_such_module_xyz'])\n")
    (tmp_path / "such_module_xyz.py").write_text("")
    with pytest.raises(ImportError) as raised:
        load_config(path)
    message = str(raised.value)
    assert message.startswith(f"{path}: an import of custom_imports failed: no module 'no_such_module_xyz' in ")
    assert str(tmp_path) in message and message.endswith(": did you mean 'such_module_xyz'?") and "\n" not in message
    (tmp_path / "such_module_xyz.py").write_text("import needs_this_abc")
    path.write_text("custom_imports = dict(imports=['such_module_xyz'])\n")
    with pytest.raises(ImportError, match="failed: No module named 'needs_this_abc'."):
        load_config(path)


def test_modules_next_to_the_config_can_be_imported(tmp_path):
    (tmp_path / "next_to_the_config_xyz.py").write_text("seen = []\n")
    path = tmp_path / "mine.py"
    path.write_text("custom_imports = dict(imports=['next_to_the_config_xyz'])\n")
    load_config(path)
    import next_to_the_config_xyz

    assert next_to_the_config_xyz.seen == []


def test_files_next_to_the_config_shadow_no_installed_package(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "path", list(sys.path))
    for name in ("registry.py", "timm.py", "wave.py"):
        (tmp_path / name).write_text("raise RuntimeError('a file of the user shadows a package')\n")
    path = tmp_path / "mine.py"
    path.write_text("custom_imports = dict(imports=['mtl_plugins.models'])\n")
    load_config(path)
    assert sys.path[-1] == str(tmp_path)
    import wave

    assert wave.__file__ != str(tmp_path / "wave.py")
    path.write_text("custom_imports = dict(imports=['wave'])\n")
    with pytest.raises(ValueError, match=rf"names 'wave', but Python imports .* instead of {tmp_path}/wave.py"):
        load_config(path)
    path.write_text("custom_imports = dict(imports=['registry'])\n")
    with pytest.raises(ValueError, match=rf"imports .*registry/__init__.py instead of {tmp_path}/registry.py"):
        load_config(path)


def test_two_modules_of_one_name_in_the_folders_of_two_configs_are_an_error(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "path", list(sys.path))
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "module_of_two_configs.py").write_text(f"name = {name!r}\n")
        (tmp_path / name / "mine.py").write_text("custom_imports = dict(imports=['module_of_two_configs'])\n")
    shutil.copytree(tmp_path / "first", tmp_path / "copy")
    load_config(tmp_path / "first" / "mine.py")
    load_config(tmp_path / "copy" / "mine.py")
    with pytest.raises(ValueError, match="another config has imported its own. Rename the file"):
        load_config(tmp_path / "second" / "mine.py")


def test_a_module_may_have_the_name_of_a_config(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "configs").mkdir()
    (tmp_path / "named_as_a_config.py").write_text("")
    path = tmp_path / "configs" / "named_as_a_config.py"
    path.write_text("custom_imports = dict(imports='named_as_a_config')\n")
    load_config(path)
    assert sys.modules["named_as_a_config"].__file__ == str(tmp_path / "named_as_a_config.py")


def test_an_unused_option_raises_and_suggests_the_nearest_name(root):
    config = root / "configs" / "hydranet_nyud.py"
    with pytest.raises(ValueError, match="optim_wraper.*did you mean 'optim_wrapper'"):
        load_config(config, {"optim_wraper.clip_grad.max_norm": 1})
    assert load_config(config, {"compile": True, "model.heads.depth": None}).compile


def test_a_broken_config_raises_with_file_and_line(tmp_path):
    (tmp_path / "broken.py").write_text("a = 1\nb = (\n")
    with pytest.raises(ValueError, match=r"cannot read the config .*broken\.py, line 2: SyntaxError"):
        load_config(tmp_path / "broken.py")


@pytest.mark.parametrize("text", ["a = 1 / 0", "a = dict(b=1)['c']", "a = dict(1)"])
def test_an_error_in_a_config_names_the_file(text, tmp_path):
    (tmp_path / "failing.py").write_text(text + "\n")
    with pytest.raises(ValueError, match=r"cannot read the config .*failing\.py: \w+Error: "):
        load_config(tmp_path / "failing.py")


def test_a_missing_base_is_named_with_the_config(tmp_path):
    (tmp_path / "orphan.py").write_text("_base_ = 'no_such_base.py'\n")
    with pytest.raises(FileNotFoundError, match=r"orphan\.py: a config in _base_ does not exist: .*no_such_base"):
        load_config(tmp_path / "orphan.py")


def test_custom_imports_given_as_an_option_are_imported(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text("model = dict()\n")
    (tmp_path / "named_as_an_option_xyz.py").write_text("")
    load_config(path, {"custom_imports.imports": ["named_as_an_option_xyz"]})
    assert sys.modules.pop("named_as_an_option_xyz")
    with pytest.raises(
        ImportError, match="mine.py: an import of custom_imports failed: no module 'no_such_module_xyz'"
    ):
        load_config(path, {"custom_imports.imports": ["no_such_module_xyz"]})
    with pytest.raises(ValueError, match=r"custom_imports='x' is not a dict. Write custom_imports=dict\(imports="):
        load_config(path, {"custom_imports": "x"})
