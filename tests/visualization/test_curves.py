import json

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from mtl_plugins.visualization import join_scalars, plot_curves, read_scalars
from mtl_plugins.visualization.curves import SUM, _losses

PER_EPOCH = 10


def run(first, last, mark):
    """Log lines of mmengine for iterations first … last, with a validation after each epoch."""
    lines = []
    for i in range(first, last + 1):
        epoch = -(-i // PER_EPOCH)
        lines.append({"loss": mark, "depth.loss_berhu": mark / 2, "lr": 0.1, "epoch": epoch, "iter": i, "step": i})
        if i % PER_EPOCH == 0:
            lines.append({"semseg/mIoU": mark, "depth/rmse": mark, "time": 0.1, "step": epoch})
    return lines


@given(killed=st.integers(1, 50), end=st.integers(1, 50), data=st.data())
def test_a_resumed_run_replaces_lines_after_its_start(killed, end, data):
    checkpoint = data.draw(st.integers(0, min(killed, end) // PER_EPOCH)) * PER_EPOCH
    scalars = join_scalars(run(1, killed, 1.0) + run(checkpoint + 1, end, 2.0))
    if checkpoint < end:
        assert [line["iter"] for line in scalars["train"]] == list(range(1, end + 1))
        assert [line["loss"] for line in scalars["train"]] == [1.0] * checkpoint + [2.0] * (end - checkpoint)
        marks = [line["semseg/mIoU"] for line in scalars["val"]]
        first = checkpoint // PER_EPOCH
        assert marks == [1.0] * first + [2.0] * (end // PER_EPOCH - first)


def test_prefixes_of_the_log_processor_and_validations_without_training_are_ignored():
    lines = [
        {"train/loss": 1.0, "iter": 5, "step": 5},
        {"val/depth/rmse": 0.5, "step": 5},
        {"depth/rmse": 9, "step": 0},
    ]
    scalars = join_scalars(lines)
    assert scalars["train"] == [{"loss": 1.0, "iter": 5, "step": 5}]
    assert scalars["val"] == [{"depth/rmse": 0.5, "step": 5}]


def test_files_of_all_starts_are_read_and_incomplete_lines_are_skipped(tmp_path):
    for stamp, lines in (("20250101_000000", run(1, 25, 1.0)), ("20250102_000000", run(21, 30, 2.0))):
        path = tmp_path / stamp / "vis_data" / "scalars.json"
        path.parent.mkdir(parents=True)
        text = "".join(json.dumps(line) + "\n" for line in lines)
        path.write_text(text + '{"loss": 1.0, "it', encoding="utf-8")
    scalars = read_scalars(tmp_path)
    assert [line["iter"] for line in scalars["train"]] == list(range(1, 31))
    assert [line["step"] for line in scalars["val"]] == [1, 2, 3]


def test_the_plot_grows_with_the_tasks(tmp_path):
    one = plot_curves(join_scalars(run(1, 100, 1.0)), tmp_path / "new" / "one.png")
    lines = run(1, 100, 1.0)
    for line in lines:
        if "semseg/mIoU" in line:
            line |= {
                "normals/mean": float("nan"),
                "saliency/maxF": 0.3,
                "depth/delta1": None,
                "semseg/IoU/wall": 3.0,
            }
    more = plot_curves(join_scalars(lines), tmp_path / "more.png")
    sizes = [Image.open(path).size for path in (one, more)]
    assert np.prod(sizes[1]) > np.prod(sizes[0])
    assert np.asarray(Image.open(one).convert("L")).std() > 5


def test_without_data_no_file_is_written(tmp_path):
    assert plot_curves(join_scalars([]), tmp_path / "none.png") is None
    assert not list(tmp_path.iterdir())
    assert read_scalars(tmp_path / "absent") == {"train": [], "val": []}


def test_a_single_task_has_no_curve_of_the_sum():
    one = [{"loss": 3.0, "depth.loss_berhu": 1.0, "depth.loss_grad": 2.0, "iter": 1}]
    assert list(_losses(one)) == ["depth"] and len(_losses(one)["depth"]) == 2
    assert list(_losses([one[0] | {"semseg.loss_ce": 1.0}])) == [SUM, "depth", "semseg"]
    assert list(_losses([{"loss": 3.0, "iter": 1}])) == [SUM]
