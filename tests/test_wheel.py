"""The wheel, installed without this source tree: commands, presets, a model and a prediction."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
PARTS = ("mtl_plugins", "registry", "configs")
FILES = ("setup.py", "pyproject.toml", "README.md", "LICENSE", "NOTICE", "MANIFEST.in")
OPTIONS = {"model.backbone.model_name": "test_efficientnet", "model.neck.channels": 8}
# Files that a user may have in the working directory; each breaks a package that imports it.
SHADOWS = ("registry.py", "configs/hydranet_nyud.py", "timm.py", "mtl_plugins_configs.py")


def pip(*arguments):
    options = ["--disable-pip-version-check", "--no-deps", "--quiet"]
    command = [sys.executable, "-m", "pip", *map(str, arguments), *options]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The path of the wheel, built from a copy, since setuptools reuses the contents of build/."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    for part in PARTS:
        shutil.copytree(ROOT / part, source / part, ignore=shutil.ignore_patterns("__pycache__"))
    for name in FILES:
        shutil.copy(ROOT / name, source / name)
    pip("wheel", source, "--no-build-isolation", "--wheel-dir", folder)
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def site(wheel, tmp_path_factory):
    """A folder into which only the wheel is installed."""
    folder = tmp_path_factory.mktemp("site")
    pip("install", wheel, "--target", folder)
    return folder


@pytest.fixture
def run(site, tmp_path):
    """Run Python with the wheel and the environment's packages, in a directory with files that could shadow ours."""
    for name in SHADOWS:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("raise RuntimeError('a file of the user shadows a package')\n")
    environment = {**os.environ, "PYTHONPATH": str(site), "OMP_NUM_THREADS": "1"}

    def call(*command):
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return call


def script(run, tmp_path, code):
    """Run code as a user's script, which has its own folder first in `sys.path`."""
    (tmp_path / "timm.py").unlink()  # in Python, files next to a script take precedence over packages
    (tmp_path / "script.py").write_text(code)
    return run(sys.executable, "script.py")


def test_the_wheel_contains_only_the_required_files(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    tops = {name.split("/")[0] for name in names}
    version = wheel.name.split("-")[1]
    assert tops == {"mtl_plugins", "registry", f"mtl_plugins-{version}.dist-info"}
    kinds = {"*.cpp", "*.h", "*.csv", "*.txt", "*.json", "py.typed", "*.py"}
    for part in PARTS[:2]:
        for path in (path for kind in kinds for path in (ROOT / part).rglob(kind)):
            if "__pycache__" not in path.parts:
                assert path.relative_to(ROOT).as_posix() in names
    for path in (ROOT / "configs").rglob("*.py"):
        assert f"mtl_plugins/{path.relative_to(ROOT).as_posix()}" in names
    endings = {Path(name).suffix or Path(name).name for name in names if ".dist-info" not in name}
    assert endings == {".py", ".cpp", ".h", ".csv", ".txt", ".json", ".typed"}
    for text in ("LICENSE", "NOTICE"):
        assert any(name.endswith(f"dist-info/licenses/{text}") for name in names)


def test_metadata_has_licence_version_and_command(site):
    from mtl_plugins import __version__

    folder = next(site.glob("*.dist-info"))
    metadata = (folder / "METADATA").read_text()
    assert f"\nVersion: {__version__}\n" in metadata and "\nLicense-Expression: Apache-2.0\n" in metadata
    assert "mtl = mtl_plugins.cli.main:main" in (folder / "entry_points.txt").read_text()


def test_the_version_is_the_same_everywhere():
    from mtl_plugins import __version__

    assert f"\nversion: {__version__}\n" in (ROOT / "CITATION.cff").read_text()
    newest = next(
        line for line in (ROOT / "CHANGELOG.md").read_text().splitlines() if line.startswith("## ") and "." in line
    )
    assert newest == f"## {__version__}"


def test_the_commands_run(run, site):
    assert "predict images" in run(sys.executable, str(site / "bin" / "mtl"), "--help")
    assert "predict images" in run(sys.executable, "-m", "mtl_plugins", "--help")
    assert "usage: mtl train" in run(sys.executable, "-m", "mtl_plugins", "train", "--help")


def test_a_script_lists_presets_builds_models_and_finds_them_in_mmengines_hub(run, site, tmp_path):
    code = f"""
import mtl_plugins.apis as apis
from mmengine.hub import get_config, get_model

assert mtl_plugins_of(apis) == {str(site)!r}, apis.__file__
assert "hydranet_nyud" in apis.list_presets()
assert str(apis.find_config("mtl_plugins::hydranet_nyud.py")).startswith({str(site)!r})
model = apis.init_model("mtl_plugins::hydranet_nyud.py", cfg_options={OPTIONS!r})
assert get_config("mtl_plugins::hydranet_nyud.py").model.type == "MultiTaskModel"
assert get_config("mtl_plugins::distillation/rooms_masked.py").data_root
assert set(get_model("mtl_plugins::hydranet_nyud.py").heads) == set(model.heads)
print(sorted(model.heads))
"""
    helper = "def mtl_plugins_of(module):\n    return module.__file__.partition('/mtl_plugins/')[0]\n"
    assert script(run, tmp_path, helper + code).strip().endswith("['depth', 'semseg']")


def test_predicting_an_image(run, tmp_path):
    import torch

    from mtl_plugins.apis import init_model

    torch.manual_seed(0)
    model = init_model("hydranet_nyud", cfg_options=OPTIONS)
    torch.save({"state_dict": model.state_dict()}, tmp_path / "net.pth")
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (48, 64, 3), np.uint8)).save(tmp_path / "image.png")
    options = [f"{key}={value}" for key, value in OPTIONS.items()]
    command = ["predict", "hydranet_nyud", "net.pth", "image.png", "--out", "out", "--maps", "npy"]
    run(sys.executable, "-m", "mtl_plugins", *command, "--device", "cpu", "--cfg-options", *options)
    assert np.load(tmp_path / "out" / "depth" / "image.npy").shape[-2:] == (48, 64)
    assert (tmp_path / "out" / "panels" / "image.png").is_file()
