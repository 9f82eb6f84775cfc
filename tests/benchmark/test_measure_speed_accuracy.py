"""Speed and accuracy: reading of work directories, timing, and the plot."""

import json
import shutil

import numpy as np
import pytest
import torch
from PIL import Image

from mtl_plugins.apis import init_model
from mtl_plugins.benchmark import measure_speed_accuracy

SCORES = {"semseg/mIoU": 12.5, "depth/rmse": 0.7, "normals/mean": None, "protocols": {"depth": "nyud"}, "measured": {}}


def write_training(folder, channels, scores=SCORES, size=(32, 64)):
    """Write a work directory like `mtl train` and `mtl test`."""
    folder.mkdir(parents=True)
    options = {
        "model.backbone.model_name": "test_efficientnet",
        "model.neck.channels": channels,
        "predict_pipeline": [dict(type="ResizeInput", size=size)],
    }
    model = init_model("hydranet_synthrooms", cfg_options=options)
    model.cfg.dump(folder / f"{folder.name}.py")
    torch.save(dict(state_dict=model.state_dict(), meta={}), folder / "epoch_1.pth")
    (folder / "last_checkpoint").write_text(str(folder / "epoch_1.pth"))
    (folder / "metrics.json").write_text(json.dumps(scores))
    return model


@pytest.fixture(scope="module")
def trainings(tmp_path_factory):
    root = tmp_path_factory.mktemp("trainings")
    return {root / name: write_training(root / name, n, size=(n, 64)) for name, n in (("small", 32), ("wide", 64))}


def test_the_table_has_one_row_per_network_and_backend_at_its_input_size(trainings):
    rows = measure_speed_accuracy(list(trainings), "depth/rmse", ["torch", "torch-export"], rounds=1, steps=1)
    assert [(row.network, row.backend, row.height) for row in rows] == [
        (name, backend, size) for name, size in (("small", 32), ("wide", 64)) for backend in ("torch", "torch-export")
    ]
    for row, model in zip(rows[::2], trainings.values(), strict=True):
        assert row.parameters == sum(parameter.numel() for parameter in model.parameters())
        assert row.score == 0.7 and row.latency_ms_median > 0 and row.width == 64


def test_folders_of_the_same_name_are_reported_with_their_paths(trainings, tmp_path):
    first = next(iter(trainings))
    shutil.copytree(first, tmp_path / "small")
    rows = measure_speed_accuracy([first, tmp_path / "small"], rounds=1, steps=1)
    assert [row.network for row in rows] == [str(first), str(tmp_path / "small")]


@pytest.mark.parametrize(
    ("missing", "error", "message"),
    [
        (
            "small.py",
            FileNotFoundError,
            "is not the work directory of a training: it must contain one config file, but contains 0",
        ),
        ("epoch_1.pth", FileNotFoundError, "contains no checkpoint: train the network first, with mtl train"),
        ("metrics.json", FileNotFoundError, r"Write it with: mtl test .*small.py .*epoch_1.pth --out"),
        (None, ValueError, r"has no score 'depth/rsme': choose from semseg/mIoU, depth/rmse\."),
    ],
)
def test_missing_files_and_unknown_scores_raise(trainings, tmp_path, missing, error, message):
    shutil.copytree(next(iter(trainings)), tmp_path / "small")
    if missing:
        (tmp_path / "small" / missing).unlink()
        (tmp_path / "small" / "last_checkpoint").unlink()  # names the file in the original folder
    with pytest.raises(error, match=message):
        measure_speed_accuracy([tmp_path / "small"], "depth/rsme")


def test_the_command_writes_rows_and_plot(trainings, run_tool, tmp_path, capsys):
    out, numbers = tmp_path / "new" / "picture.png", tmp_path / "numbers" / "rows.json"
    run_tool("speed_accuracy", *trainings, "--steps", 1, "--rounds", 1, "--out", out, "--json", numbers)
    rows = json.loads(numbers.read_text())
    assert [row["network"] for row in rows] == ["small", "wide"] and str(out) in capsys.readouterr().out
    colours = np.unique(np.asarray(Image.open(out).convert("RGB")).reshape(-1, 3), axis=0).tolist()
    assert [31, 119, 180] in colours and [255, 127, 14] in colours  # the first two colours of matplotlib: two networks
