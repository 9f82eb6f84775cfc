"""predict.py and export.py from end to end: images, video, backends, exported files."""

import re

import numpy as np
import pytest
import torch
from PIL import Image

from mtl_plugins.apis import init_model
from mtl_plugins.apis.video import VideoReader, VideoWriter

OPTIONS = {"model.backbone.model_name": "test_resnet", "model.neck.channels": 8, "model.neck.crp_stages": 1}
CFG_OPTIONS = ["--cfg-options", *(f"{key}={value}" for key, value in OPTIONS.items())]
PRESET = "hydranet_nyud_three"
RNG = np.random.default_rng(0)
PICTURES = RNG.integers(0, 256, (3, 48, 64, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def material(tmp_path_factory):
    """A folder with a checkpoint, three images in two folders and a video clip."""
    folder = tmp_path_factory.mktemp("material")
    torch.manual_seed(0)
    torch.save({"state_dict": init_model(PRESET, cfg_options=OPTIONS).state_dict()}, folder / "net.pth")
    for name, picture in zip(("in/a.png", "in/b.png", "in/sub/a.png"), PICTURES, strict=True):
        (folder / name).parent.mkdir(exist_ok=True, parents=True)
        Image.fromarray(picture).save(folder / name)
    with VideoWriter(folder / "clip.avi", 5) as writer:
        for _ in range(4):
            writer.write(PICTURES[0])
    return folder


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_images_in_batches(run_tool, material, tmp_path, capsys):
    inputs = [material / "in", "--batch-size", 2, "--maps", "npy", "--tasks", "depth"]
    run_tool("predict", PRESET, material / "net.pth", *inputs, "--out", "out", *CFG_OPTIONS)
    assert "3 of 3 images predicted" in capsys.readouterr().out
    assert names(tmp_path / "out") == ["depth", "panels"]
    assert names(tmp_path / "out" / "panels") == ["a.png", "a_2.png", "b.png"]
    assert np.load(tmp_path / "out" / "depth" / "b.npy").shape == (48, 64)


def test_images_and_a_video(run_tool, material, tmp_path, capsys):
    inputs = [material / "in" / "a.png", material / "clip.avi", "--no-panels"]
    run_tool("predict", PRESET, material / "net.pth", *inputs, "--out", "out", *CFG_OPTIONS)
    printed = capsys.readouterr().out
    assert "1 of 1 images predicted" in printed
    assert re.search(r"clip.mp4: 4 frames in .*seconds of work: read .*network .*paint .*write", printed)
    assert VideoReader(tmp_path / "out" / "clip.mp4").frames == 4


def test_predictions_of_an_exported_file_equal_those_of_the_network(run_tool, material, tmp_path, capsys):
    network = (PRESET, material / "net.pth")
    for name, more in (("raw", []), ("end_to_end", ["--end-to-end"])):
        options = ["--format", "torch-export", "--out", f"{name}.pt2", "--size", 48, 64, "--batch", 1, "--fixed-size"]
        run_tool("export", *network, *options, *more, "--tasks", "depth", "semseg", *CFG_OPTIONS)
        printed = capsys.readouterr().out
        assert f"{name}.pt2: float32" in printed and "batch 1, height 48, width 64" in printed
        normalisation = (
            "(x / 255 - mean) / std with mean (0.5, 0.5, 0.5), std (0.5, 0.5, 0.5)"  # of the backbone test_resnet
        )
        assert (normalisation in printed) == (name == "raw")
        assert re.search(r"Differences from PyTorch, .*depth by up to \S+ %, semseg by up to \S+ %", printed)
    source = [material / "in" / "b.png", "--maps", "npy", "--no-panels", "--tasks", "depth", "semseg"]
    of = {}
    for backend in ("torch", "raw.pt2", "end_to_end.pt2"):
        run_tool("predict", *network, *source, "--backend", backend, "--out", f"of_{backend}", *CFG_OPTIONS)
        of[backend] = np.load(tmp_path / f"of_{backend}" / "depth" / "b.npy")
    np.testing.assert_allclose(of["raw.pt2"], of["torch"], atol=1e-4)
    np.testing.assert_allclose(of["end_to_end.pt2"], of["torch"], atol=1e-4)


def test_mismatched_size_precision_or_tasks_of_an_exported_file_raise(run_tool, material, tmp_path):
    network = (PRESET, material / "net.pth")
    options = ["--format", "torch-export", "--out", "net.pt2", "--size", 32, 64, "--batch", 1, "--fixed-size"]
    run_tool("export", *network, *options, "--tasks", "depth", *CFG_OPTIONS)
    with pytest.raises(ValueError, match="images 32 x 64, but it is given batches of 1 of images 48 x 64"):
        run_tool("predict", *network, material / "in", "--backend", "net.pt2", "--out", "out", *CFG_OPTIONS)
    with pytest.raises(ValueError, match="net.pt2 was exported in float32; given: precision='bf16'"):
        more = ["--precision", "bf16", "--tasks", "depth", "--out", "out"]
        run_tool("predict", *network, material / "in", "--backend", "net.pt2", *more, *CFG_OPTIONS)
    with pytest.raises(ValueError, match="exported file predicts depth.*semseg is not in both"):
        more = ["--tasks", "semseg", "--out", "out"]
        run_tool("predict", *network, material / "in", "--backend", "net.pt2", *more, *CFG_OPTIONS)


def test_missing_input_raises(run_tool, material, capsys):
    with pytest.raises(SystemExit):
        run_tool("predict", PRESET, material / "net.pth", "--out", "out")
    assert "no input: give images, videos or --camera N" in capsys.readouterr().err
