import math

from hypothesis import given
from hypothesis import strategies as st

from mtl_plugins.visualization import summary_table
from mtl_plugins.visualization.summary import update_best


@given(st.lists(st.floats(0, 100), min_size=1, max_size=8))
def test_the_best_is_the_first_maximum_or_minimum(values):
    best = {}
    for step, value in enumerate(values, 1):
        best = update_best(best, {"semseg/mIoU": value, "depth/rmse": value, "time": value, "a/strange": value}, step)
    assert best["semseg/mIoU"] == (max(values), values.index(max(values)) + 1)
    assert best["depth/rmse"] == (min(values), values.index(min(values)) + 1)
    assert set(best) == {"semseg/mIoU", "depth/rmse"}


def test_nan_is_never_the_best_and_a_user_can_set_the_direction():
    best = update_best({}, {"depth/rmse": math.nan, "a/strange": 2.0}, 1, {"a/strange": True})
    best = update_best(best, {"a/strange": 1.0}, 2, {"a/strange": True})
    assert best == {"a/strange": (2.0, 1)}


def test_table_columns_are_aligned():
    metrics = {
        "semseg/mIoU": 41.234,
        "semseg/pixAcc": 70.0,
        "depth/rmse": 0.5,
        "depth/delta1": math.nan,
        "time": 1.0,
    }
    best = update_best(update_best({}, {"semseg/mIoU": 50.0}, 3), metrics, 7)
    assert summary_table(metrics, best).splitlines() == [
        "semseg      mIoU %      pixAcc %",
        "  now        41.23         70.00",
        "  best       50.00         70.00",
        "  at epoch       3             7",
        "depth       rmse m  delta1 share",
        "  now       0.5000             -",
        "  best      0.5000             -",
        "  at epoch       7             -",
    ]
    assert "time" not in summary_table(metrics) and "best" not in summary_table(metrics)
