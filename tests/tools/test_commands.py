"""The commands from end to end on tiny data, and their error messages."""

import json
import os
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from mtl_plugins.cli.run_command import run_command
from mtl_plugins.engine import read_checkpoint

# A user's config that makes a preset small; {root}, {preset} and {data} are filled in.
CONFIG = """
_base_ = ["{root}/configs/{preset}.py"]
data_root = "{data}"
model = dict(backbone=dict(model_name="test_efficientnet", pretrained=False), neck=dict(channels=8))
pipeline = [dict(type="RandomCrop", size=(32, 64)), dict(type="PackSample")]
plain = dict(num_workers=0, persistent_workers=False)
train_dataloader = dict(batch_size=2, dataset=dict(pipeline=pipeline, limit=2), **plain)
val_dataloader = dict(dataset=dict(limit=2), **plain)
test_dataloader = val_dataloader
train_cfg = dict(max_epochs=2, val_interval=2)
env_cfg = dict(cudnn_benchmark=False)
log_level = "ERROR"
"""


@pytest.fixture
def config(root, nyud_folder, tmp_path):
    """Write the small config and return its path."""

    def write(preset="hydranet_nyud_three", data=nyud_folder, name="small", more=""):
        path = tmp_path / f"{name}_{os.urandom(4).hex()}.py"  # mmengine has one global logger per name
        path.write_text(CONFIG.format(root=root, preset=preset, data=data) + more)
        return path

    return write


@pytest.fixture
def error_of(run_tool, monkeypatch, capsys):
    """The error message of a failing command, which prints one message and no traceback."""
    codes, here, leave = [], os.getpid(), os._exit
    # forked workers of the data loader still exit
    monkeypatch.setattr(os, "_exit", lambda code: codes.append(code) if os.getpid() == here else leave(code))
    monkeypatch.delenv("MTL_TRACEBACK", raising=False)

    def message(*arguments):
        codes.clear()
        run_command(lambda: run_tool(*arguments))
        text = capsys.readouterr().err
        assert codes == [1], "the command did not fail"
        found = re.fullmatch(r"(?:.*?\n)?error: (.+)\n\(traceback: (.+?)\)\n.*", text, re.DOTALL)
        assert found and "Traceback" not in text, text
        os.unlink(found[2])
        return found[1]

    return message


@pytest.fixture(scope="module")
def trained(root, tmp_path_factory):
    """A checkpoint of the small three-task network with its initial weights."""
    from mtl_plugins.apis import init_model

    torch.manual_seed(0)
    options = {"model.backbone.model_name": "test_efficientnet", "model.neck.channels": 8}
    model = init_model(root / "configs" / "hydranet_nyud_three.py", cfg_options=options)
    path = tmp_path_factory.mktemp("checkpoint") / "three.pth"
    torch.save({"state_dict": model.state_dict()}, path)
    return path


def test_train_resume_test_and_predict(config, run_tool, nyud_folder, tmp_path, capsys):
    run = tmp_path / "run"
    run_tool("train", config(more="train_cfg = dict(max_epochs=1, val_interval=1)"), "--work-dir", run)
    assert (run / "epoch_1.pth").is_file()
    run_tool("train", config(), "--work-dir", run, "--resume")
    checkpoint = Path((run / "last_checkpoint").read_text())
    assert checkpoint.name == "epoch_2.pth" and checkpoint.is_file()

    arguments = ["--work-dir", tmp_path / "t", "--out", "m/metrics.json", "--show-dir", "shown", "--baselines"]
    run_tool("test", config(), checkpoint, *arguments)
    metrics = json.loads((tmp_path / "m" / "metrics.json").read_text())
    headlines = ("semseg/mIoU", "depth/rmse", "normals/mean")
    assert {"semseg/pixAcc", "depth/delta1", "normals/11.25", *headlines} <= set(metrics)
    assert all(np.isfinite(metrics[key]) for key in headlines)
    table = capsys.readouterr().out
    assert all(f"{key} " in table for key in headlines)
    assert len(list((tmp_path / "shown").rglob("*.png"))) == 2

    run_tool("predict", config(), checkpoint, nyud_folder / "rgb", "--out", "out", "--maps", "png")
    assert "6 of 6 images predicted" in capsys.readouterr().out
    folders = {folder.name: sorted(path.name for path in folder.iterdir()) for folder in (tmp_path / "out").iterdir()}
    assert folders == dict.fromkeys(("panels", "semseg", "depth", "normals"), [f"{i}.png" for i in range(6)])
    depth = np.array(Image.open(tmp_path / "out" / "depth" / "0.png"))
    assert depth.dtype == np.uint16 and depth.shape == (48, 64)


def test_the_file_of_metrics_states_another_size_and_images_that_were_left_out(
    config, trained, run_tool, nyud_folder, tmp_path
):
    shutil.copytree(nyud_folder, tmp_path / "data")
    name = (tmp_path / "data" / "val.txt").read_text().splitlines()[1].split("\t")[1]
    (tmp_path / "data" / name).write_bytes(b"")
    more = """
smaller = [dict(type="Resize", size=(24, 32)), dict(type="PackSample")]
val_dataloader = dict(dataset=dict(pipeline=smaller, on_bad_sample="skip", max_bad_samples=1))
test_dataloader = val_dataloader
"""
    file = config(data=tmp_path / "data", more=more)
    run_tool("test", file, trained, "--work-dir", tmp_path / "t", "--out", "metrics.json")
    metrics = json.loads((tmp_path / "metrics.json").read_text())
    assert metrics["unread_images"] == 1 and name in (tmp_path / "t" / "bad_samples.txt").read_text()
    for protocol in metrics["protocols"].values():
        assert protocol.endswith(", at 24×32 instead of the stored 48×64 pixels (H×W)")


def test_options_on_the_command_line_take_precedence(config, run_tool, tmp_path):
    options = ["train_cfg.max_epochs=1", "model.heads.normals=None"]
    run_tool("train", config(), "--work-dir", tmp_path / "run", "--amp", "--cfg-options", *options)
    state = read_checkpoint(tmp_path / "run" / "epoch_1.pth")["state_dict"]
    assert any(key.startswith("heads.depth") for key in state) and not any("normals" in key for key in state)


def test_prepare_dataset_writes_rooms(run_tool, tmp_path):
    options = ["--num-train", 1, "--num-val", 1, "--size", 24, 32, "--workers", 1]
    run_tool("prepare_dataset", "synthrooms", "--out", tmp_path / "rooms", *options)
    assert len(list((tmp_path / "rooms" / "depth").glob("*.png"))) == 2


def test_predict_continues_after_a_broken_image_and_names_it(config, trained, error_of, nyud_folder, tmp_path):
    (tmp_path / "in").mkdir()
    shutil.copy(nyud_folder / "rgb" / "0.png", tmp_path / "in" / "good.png")
    (tmp_path / "in" / "cut.png").write_bytes((nyud_folder / "rgb" / "0.png").read_bytes()[:300])
    message = error_of("predict", config(), trained, tmp_path / "in", "--out", "out", "--no-panels", "--maps", "npy")
    assert "cut.png" in message and "the file is truncated or damaged (the PNG is truncated" in message
    assert (tmp_path / "out" / "depth" / "good.npy").is_file()


# Wrong input: the message names the problem, the place and the fix.


def test_a_missing_data_root(config, error_of, tmp_path):
    message = error_of("train", config(data=tmp_path / "nowhere"), "--work-dir", "run")
    assert f"the folder {tmp_path / 'nowhere'} does not exist" in message
    assert "data_root=DIR" in message and "mtl prepare synthrooms" in message


def test_an_unknown_config(error_of):
    message = error_of("train", "hydranet_nyuv")
    assert (
        "config not found: hydranet_nyuv is neither a file, a preset nor a release: did you mean 'hydranet_nyud"
        in message
    )


@pytest.mark.parametrize(
    "option, hint",
    [
        ("model.neck.type=LightweightRefinenet", "did you mean 'LightWeightRefineNet'"),
        ("model.heads.depth.loss.type=InverseHuber", "did you mean 'InverseHuberLoss'"),
        ("model.backbone.model_name=resnet19", "did you mean 'resnet18'"),
        ("optim_wrapper.optimizer.type=AdamWW", "did you mean 'AdamW'"),
        ("train_dataloader.dataset.type=NYUDv3", "did you mean 'NYUDv2'"),
        ("train_dataloader.dataset.pipeline.0.type=RandomCrob", "did you mean 'RandomCrop'"),
        ("val_evaluator.1.type=DephtMetric", "did you mean 'DepthMetric'"),
        ("default_hooks.visualization.type=PanelHok", "did you mean 'PanelHook'"),
    ],
)
def test_an_unknown_component(config, error_of, option, hint):
    assert hint in error_of("train", config(), "--work-dir", "run", "--cfg-options", option)


def test_an_unknown_option_of_a_component(config, error_of):
    message = error_of("train", config(), "--work-dir", "run", "--cfg-options", "model.neck.chanels=8")
    assert "chanels" in message


def test_a_list_that_names_missing_files(config, error_of, nyud_folder, tmp_path):
    shutil.copytree(nyud_folder, tmp_path / "data")
    (tmp_path / "data" / "depth" / "0.png").unlink()
    message = error_of("train", config(data=tmp_path / "data"), "--work-dir", "run")
    assert "1 of the files" in message and "depth/0.png" in message and "train.txt" in message


def test_an_empty_split(config, error_of, nyud_folder, tmp_path):
    shutil.copytree(nyud_folder, tmp_path / "data")
    (tmp_path / "data" / "train.txt").write_text("\n")
    assert "the split is empty" in error_of("train", config(data=tmp_path / "data"), "--work-dir", "run")


def test_a_head_without_labels(config, error_of, nyud_folder, tmp_path):
    shutil.copytree(nyud_folder, tmp_path / "data")
    (tmp_path / "data" / "train.txt").write_text("rgb/0.png\tmasks/0.png\trgb/0.png\n".replace("\trgb/0.png", ""))
    message = error_of("train", config(data=tmp_path / "data"), "--work-dir", "run")
    assert "No training image has a label for the head 'depth', 'normals'" in message
    assert "model.heads.depth=None" in message


def test_a_broken_label_in_a_worker_process(config, error_of, nyud_folder, tmp_path):
    shutil.copytree(nyud_folder, tmp_path / "data")
    Image.fromarray(np.full((48, 64), 77, np.uint8)).save(tmp_path / "data" / "masks" / "0.png")
    options = ["--cfg-options", "train_dataloader.num_workers=1"]
    message = error_of("train", config(data=tmp_path / "data"), "--work-dir", "run", *options)
    assert message.startswith(str(tmp_path / "data" / "masks" / "0.png") + " contains class id 77")


@pytest.mark.parametrize("command", ["test", "predict"])
def test_a_checkpoint_of_another_model(config, trained, error_of, nyud_folder, command):
    more = [nyud_folder / "rgb" / "0.png", "--out", "out"] if command == "predict" else ["--work-dir", "t"]
    message = error_of(command, config("hydranet_nyud"), trained, *more)
    assert "belongs to another model" in message and "unexpected in the file: 3 (heads.normals" in message


@pytest.mark.parametrize("command", ["test", "predict"])
def test_a_missing_checkpoint(config, error_of, nyud_folder, command):
    more = [nyud_folder / "rgb" / "0.png", "--out", "out"] if command == "predict" else ["--work-dir", "t"]
    assert "checkpoint not found" in error_of(command, config(), "nowhere.pth", *more)


def test_resuming_from_a_missing_checkpoint(config, error_of):
    assert "checkpoint not found" in error_of("train", config(), "--work-dir", "run", "--resume", "nowhere.pth")


def test_a_source_without_images(config, trained, error_of, tmp_path):
    message = error_of("predict", config(), trained, tmp_path / "nothing", "--out", "out")
    assert "does not exist" in message


def test_a_published_file_of_another_format(trained, error_of):
    message = error_of("convert_checkpoint", trained, "ours.pth", "--from", "lwrefinenet")
    assert "not a checkpoint of the format 'lwrefinenet'" in message and "layer1.0.weight" in message


def test_launchers_need_their_environment(config, error_of, monkeypatch):
    monkeypatch.delenv("RANK", raising=False)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert "torchrun --nproc-per-node N -m mtl_plugins train CONFIG" in error_of(
        "train", config(), "--launcher", "pytorch"
    )
    assert "needs GPUs" in error_of("train", config(), "--launcher", "slurm")


@pytest.mark.parametrize("command", ["train", "test", "benchmark", "pseudo_label"])
def test_a_config_without_a_dataset_is_refused(command, error_of, tmp_path):
    options = dict(
        test=["a.pth"],
        benchmark=["--what", "training"],
        pseudo_label=["hydranet_nyud", "a.pth", "--out", tmp_path, "--tasks", "depth"],
    )
    loader = "test_dataloader" if command == "test" else "train_dataloader"
    message = error_of(command, "teachers/wrn38_cityscapes", *options.get(command, []))
    assert re.match(rf"the config .*wrn38_cityscapes\.py has no {loader}: it describes a model, but no data", message)
