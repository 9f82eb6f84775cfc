"""The picture of a comparison of methods."""

import numpy as np
import pytest
from PIL import Image

from mtl_plugins.evaluation import MethodSummary
from mtl_plugins.visualization import plot_comparison

METRICS = {"semseg/mIoU": True, "depth/rmse": False}


def summary(method, rank, gains=()):
    scores = {"semseg/mIoU": [40.0, 41.0], "depth/rmse": [0.5, 0.6], "depth/abs_rel": [0.1, 0.1]}
    return MethodSummary(method, [0, 1], scores, gains=list(gains), rank=rank)


@pytest.mark.parametrize(
    "rows, panels",
    [
        ([summary("single tasks", None), summary("equal", 1.0, [1.0, 2.0]), summary("UW", 2.0, [-1.0, 0.0])], 3),
        ([summary("equal", 1.0), summary("UW", 2.0)], 2),
    ],
)
def test_the_gain_and_each_metric_has_a_panel(rows, panels, tmp_path):
    path = plot_comparison(rows, METRICS, tmp_path / "new" / "comparison.png")
    picture = Image.open(path)
    assert abs(picture.width - panels * 4.6 * 110) < 3
    thirds = np.array_split(np.asarray(picture.convert("RGB")), panels, axis=1)
    blue = np.array([31, 119, 180])  # matplotlib's first colour
    assert all((np.abs(third.astype(int) - blue).max(2) < 8).any() for third in thirds)


def test_a_method_without_scores_has_an_empty_line(tmp_path):
    rows = [summary("equal", 1.0), MethodSummary("UW", [0], {}, rank=2.0)]
    assert plot_comparison(rows, METRICS, tmp_path / "comparison.svg").read_text().count("<svg") == 1
