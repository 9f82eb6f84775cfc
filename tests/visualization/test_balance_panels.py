"""The panels of `curves.png` about the balance of tasks."""

import numpy as np
import pytest

from mtl_plugins.visualization.balance_panels import balanced_tasks, mean_cosines, spans_decades


def test_tasks_and_mean_cosines_of_logged_lines():
    lines = [
        {"step": 1, "iter": 1, "weight/a": 1.0, "weight/b": 2.0, "cosine/a-b": 0.5},
        {"step": 2, "iter": 2, "weight/a": 1.0, "weight/b": 2.0, "cosine/a-b": -0.1},
        {"step": 3, "iter": 3, "weight/a": 1.0, "cosine/a-b": float("nan")},
    ]
    assert balanced_tasks(lines) == ["a", "b"]
    table = mean_cosines(lines, ["a", "b"])
    assert table[0, 1] == table[1, 0] == pytest.approx(0.2) and np.isnan(table[0, 0])


@pytest.mark.parametrize(
    ("weights", "expected"),
    [([1, 25], True), ([1, 3], False), ([0.0, 25], False), ([-1, 25], False), ([np.nan, 0.01, 5], True), ([], False)],
)
def test_weights_of_several_decades_have_a_logarithmic_axis(weights, expected):
    assert spans_decades(np.array(weights, dtype=float)) == expected
