"""mtl publish, mtl releases and what other commands do with a release, from end to end."""

import json
import os
import re

import numpy as np
import pytest
from PIL import Image

from mtl_plugins.cli import export, predict
from mtl_plugins.engine import read_checkpoint
from mtl_plugins.releases import list_releases

from ..releases.small_release import OPTIONS, PRESET, publish_small, write_checkpoint

CFG_OPTIONS = ["--cfg-options", *(f"{key}={value}" for key, value in OPTIONS.items())]
RELEASED = next(iter(list_releases()))


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    return write_checkpoint(tmp_path_factory.mktemp("checkpoint") / "small.pth")


@pytest.fixture(scope="module")
def small(checkpoint, tmp_path_factory):
    return publish_small(checkpoint, tmp_path_factory.mktemp("releases")).folder


@pytest.fixture
def photo(tmp_path):
    path = tmp_path / "photo.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (48, 64, 3), np.uint8)).save(path)
    return path


def test_publish_and_predict(run_tool, checkpoint, photo, tmp_path, capsys):
    run_tool("publish", PRESET, checkpoint, "--out", "out", "--name", "mine", "--about", "A test.", *CFG_OPTIONS)
    printed = capsys.readouterr().out
    assert "out/mine: 0." in printed and "Largest differences from the checkpoint" in printed
    assert "Not stated in the model card: licence, attribution, metrics." in printed
    run_tool("predict", "out/mine", photo, "--out", "predicted", "--maps", "npy", "--device", "cpu")
    assert "1 of 1 images predicted" in capsys.readouterr().out
    assert np.load(tmp_path / "predicted" / "depth" / "photo.npy").shape == (48, 64)
    run_tool("releases", "out/mine")
    printed = capsys.readouterr().out
    assert printed.startswith("# mine\n\nA test.\n") and printed.endswith(f"Folder: {os.path.join('out', 'mine')}\n")


def test_releases_are_listed(run_tool, capsys):
    run_tool("releases")
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == list(list_releases())
    assert all(entry.about in line for entry, line in zip(list_releases().values(), lines, strict=True))


def test_a_release_is_a_checkpoint_to_evaluate_and_to_fine_tune(run_tool, small, nyud_folder, tmp_path):
    loaders = ("train_dataloader", "val_dataloader", "test_dataloader")
    plain = [f"{name}.{setting}" for name in loaders for setting in ("num_workers=0", "persistent_workers=False")]
    plain += ["log_level=ERROR", f"data_root={nyud_folder}"]
    options = [*CFG_OPTIONS, *plain]
    run_tool("test", PRESET, small, "--out", "metrics.json", "--work-dir", "test", *options)
    assert "depth/rmse" in json.loads((tmp_path / "metrics.json").read_text())
    arguments = ["--out", "out", "--name", "again", "--metrics", "metrics.json", "--note", "Only for rooms."]
    run_tool("publish", PRESET, small, *arguments, *options)
    assert "\n## Limits\n\nOnly for rooms.\n" in (tmp_path / "out" / "again" / "README.md").read_text()
    train = ["train_cfg.max_epochs=1", "train_dataloader.dataset.limit=2", "train_dataloader.batch_size=2"]
    train += ["train_cfg.val_interval=9", "optim_wrapper.optimizer.lr=0", "model.backbone.pretrained=False"]
    train += ["train_dataloader.dataset.pipeline=[dict(type='RandomCrop',size=(32,64)),dict(type='PackSample')]"]
    run_tool("train", PRESET, "--work-dir", "run", *options, *train, f"load_from={small / 'model.safetensors'}")
    tuned = read_checkpoint(tmp_path / "run" / "epoch_1.pth")["state_dict"]
    start = read_checkpoint(small / "model.safetensors")["state_dict"]
    name = "heads.depth.out.weight"
    assert np.allclose(tuned[name], start[name].float(), atol=1e-3)


@pytest.mark.parametrize(
    ("arguments", "network", "weights", "inputs"),
    [
        (["SMALL", "a.png", "b.png"], "SMALL", None, ["a.png", "b.png"]),
        (["SMALL", "--frames", "3", "a.mp4"], "SMALL", None, ["a.mp4"]),
        (["SMALL", "--camera", "0"], "SMALL", None, ["0"]),
        (["hydranet_nyud", "x.pth", "a.png", "b.png"], "hydranet_nyud", "x.pth", ["a.png", "b.png"]),
        (["hydranet_nyud", "x.pth", "--camera", "1"], "hydranet_nyud", "x.pth", ["1"]),
        (["hydranet_nyud", "--frames", "3", "x.pth", "a.mp4"], "hydranet_nyud", "x.pth", ["a.mp4"]),
        (["hydranet_nyud", "SMALL", "a.png"], "hydranet_nyud", "SMALL", ["a.png"]),
        (["hydranet_nyud", "weights_without_suffix", "a.png"], "hydranet_nyud", "weights_without_suffix", ["a.png"]),
    ],
)
def test_both_forms_of_predict(arguments, network, weights, inputs, small):
    given = [str(small) if argument == "SMALL" else argument for argument in arguments]
    args = predict.parse_args([*given, "--out", "out"])
    wanted = [str(small) if value == "SMALL" else value for value in (network, weights)]
    assert [args.config, args.checkpoint] == wanted and args.inputs == inputs


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["hydranet_nyud", "a.png"], f"needs a checkpoint: mtl predict hydranet_nyud CHECKPOINT .* predict {RELEASED}"),
        (["hydranet_nyud"], "needs a checkpoint"),
        (["hydranet_nyud", "--camera", "0"], "needs a checkpoint"),
        (["hydranet_nyud", "x.pth"], "no input: give images, videos or --camera N"),
        ([RELEASED], "no input"),
        ([RELEASED, "x.pth", "a.png"], f"{RELEASED} is a release, which has its own weights: leave x.pth out"),
    ],
)
def test_incomplete_and_ambiguous_forms_of_predict(arguments, message, capsys):
    with pytest.raises(SystemExit):
        predict.parse_args([*arguments, "--out", "out"])
    error = " ".join(capsys.readouterr().err.split())
    assert re.search(message, error)


def test_the_parent_of_releases_is_no_network(small):
    with pytest.raises(FileNotFoundError, match=f"contains releases. Give the path of one: {small}"):
        predict.parse_args([str(small.parent), "a.png", "--out", "out"])


def test_a_misspelt_release_is_suggested():
    with pytest.raises(FileNotFoundError, match=f"did you mean .*{RELEASED}"):
        predict.parse_args([RELEASED[:-1], "a.png", "--out", "out"])


def test_export_takes_a_release_or_a_config_with_a_checkpoint(small, capsys):
    options = ["--format", "onnx", "--out", "x.onnx"]
    assert export.parse_args([str(small), *options]).checkpoint is None
    assert export.parse_args(["hydranet_nyud", *options, "x.pth"]).checkpoint == "x.pth"
    with pytest.raises(SystemExit):
        export.parse_args(["hydranet_nyud", *options])
    assert "mtl export hydranet_nyud CHECKPOINT ..." in " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize("command", ["train", "test"])
def test_a_release_has_no_data(command, run_tool, small):
    arguments = [small, small] if command == "test" else [small]
    with pytest.raises(ValueError, match=f"is a release: .*mtl test {PRESET} .*load_from=.*model.safetensors"):
        run_tool(command, *arguments)
