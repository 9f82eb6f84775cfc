"""Curves of several runs in one picture."""

import json

import numpy as np
import pytest
from PIL import Image

from mtl_plugins.visualization import plot_runs, read_runs


def write_run(folder, first=1.0, epochs=4, by_epoch=True, start="20250101_000000", more=None):
    """A work directory whose mIoU grows and whose loss falls with the epochs."""
    lines = []
    for epoch in range(1, epochs + 1):
        for i in range(10 * epoch - 9, 10 * epoch + 1):
            line = {"loss": first / i, "iter": i, "step": i} | ({"epoch": epoch} if by_epoch else {})
            lines.append(line)
        value = first * (epoch if epoch < epochs else 1)
        lines.append({"semseg/mIoU": value, "depth/rmse": 1 / value, "step": epoch if by_epoch else 10 * epoch})
    if more:
        lines.append(more)
    path = folder / start / "vis_data" / "scalars.json"
    path.parent.mkdir(parents=True)
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return folder


def test_each_run_is_a_curve_with_its_best_value(tmp_path):
    runs = [write_run(tmp_path / "scratch", 10.0), write_run(tmp_path / "imagenet", 20.0, epochs=5)]
    curves = read_runs(runs, ["semseg/mIoU", "depth/rmse", "loss"])
    assert [curve.run for curve in curves["semseg/mIoU"]] == ["scratch", "imagenet"]
    scratch, imagenet = curves["semseg/mIoU"]
    assert scratch.steps.tolist() == [1, 2, 3, 4] and scratch.values.tolist() == [10, 20, 30, 10]
    assert scratch.best == (30, 3) and imagenet.best == (80, 4) and scratch.unit == "epoch"
    assert str(scratch) == "scratch: last 10, best 30 at epoch 3"
    assert curves["depth/rmse"][0].best == (pytest.approx(1 / 30), 3)
    loss = curves["loss"][1]
    assert loss.training and loss.best is None and loss.unit == "iteration" and loss.steps[-1] == 50


@pytest.mark.parametrize(("number", "cells"), [(1, (1, 1)), (3, (3, 1)), (4, (2, 2))])
def test_the_picture_has_one_plot_per_metric(tmp_path, number, cells):
    runs = [write_run(tmp_path / "a", more={"semseg/mAcc": 3.0, "step": 9}), write_run(tmp_path / "b", 2.0)]
    curves = read_runs(runs, ["semseg/mIoU", "loss", "depth/rmse", "semseg/mAcc"][:number])
    picture = Image.open(plot_runs(curves, tmp_path / "new" / "curves.png"))
    assert picture.width / picture.height == pytest.approx(6.4 * cells[0] / (4.2 * cells[1]), rel=0.01)
    assert np.asarray(picture.convert("L")).std() > 5


def test_a_metric_of_some_runs_is_plotted_for_these(tmp_path):
    runs = [write_run(tmp_path / "a", more={"normals/mean": 20.0, "step": 4}), write_run(tmp_path / "b")]
    assert [curve.run for curve in read_runs(runs, ["normals/mean"])["normals/mean"]] == ["a"]


def test_runs_of_one_name_are_distinguished_by_their_folders_and_repeated_ones_count_once(tmp_path):
    runs = [write_run(tmp_path / parent / "kitti") for parent in ("old", "new")]
    curves = read_runs([*runs, runs[0]], ["loss"])["loss"]
    assert [curve.run for curve in curves] == ["old/kitti", "new/kitti"]


def test_an_unknown_metric_names_the_nearest_and_all_others(tmp_path):
    with pytest.raises(ValueError, match="'semseg/miou': did you mean 'semseg/mIoU'.*The runs have depth/rmse, loss,"):
        read_runs([write_run(tmp_path / "a")], ["semseg/miou"])


def test_folders_without_logs_raise(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileNotFoundError, match="empty has no logs.*Pass the work directory of a training"):
        read_runs([tmp_path / "empty"], ["loss"])
    with pytest.raises(FileNotFoundError, match="absent is not a folder"):
        read_runs([tmp_path / "absent"], ["loss"])
    run = write_run(tmp_path / "run")
    with pytest.raises(FileNotFoundError, match=f"one start of a training: pass {run}"):
        read_runs([run / "20250101_000000"], ["loss"])


def test_runs_with_different_axes_raise_but_their_losses_can_be_compared(tmp_path):
    runs = [write_run(tmp_path / "epochs"), write_run(tmp_path / "iterations", by_epoch=False)]
    with pytest.raises(ValueError, match="common axis for 'semseg/mIoU': epochs by epoch, iterations by iteration"):
        read_runs(runs, ["semseg/mIoU"])
    assert len(read_runs(runs, ["loss"])["loss"]) == 2


def test_a_metric_without_a_finite_value_is_plotted(tmp_path):
    run = write_run(tmp_path / "a", more={"normals/mean": float("nan"), "step": 4})
    curves = read_runs([run], ["normals/mean"])
    assert curves["normals/mean"][0].best is None
    assert plot_runs(curves, tmp_path / "curves.png").is_file()


def test_the_command_prints_the_values_and_writes_the_picture(tmp_path, run_tool, capsys):
    runs = [write_run(tmp_path / "scratch", 10.0), write_run(tmp_path / "imagenet", 20.0)]
    out = tmp_path / "curves.png"
    run_tool("analyze_logs", *map(str, runs), "--metric", "semseg/mIoU", "--out", str(out))
    assert "imagenet: last 20, best 60 at epoch 3" in capsys.readouterr().out
    assert Image.open(out).size == (704, 462)
