"""Comparing methods: Δm, mean ranks, and the summary of their runs."""

import math

import pytest

from mtl_plugins.evaluation import MethodRun, compare_methods, mean_ranks, multi_task_gain

HIGHER = {"semseg/mIoU": True, "depth/rmse": False}


def test_the_gain_is_the_mean_relative_improvement_with_the_sign_of_each_metric():
    single = {"semseg/mIoU": 40.0, "depth/rmse": 0.5}
    assert multi_task_gain({"semseg/mIoU": 44.0, "depth/rmse": 0.6}, single, HIGHER) == pytest.approx((10 - 20) / 2)
    assert multi_task_gain(single, single, HIGHER) == 0.0


def test_several_metrics_of_a_task_count_as_one_task():
    higher = {"semseg/mIoU": True, "depth/rmse": False, "depth/delta1": True}
    single = {"semseg/mIoU": 40.0, "depth/rmse": 0.5, "depth/delta1": 0.8}
    network = {"semseg/mIoU": 40.0, "depth/rmse": 0.4, "depth/delta1": 0.8}
    assert multi_task_gain(network, single, higher) == pytest.approx((0 + (20 + 0) / 2) / 2)


def test_the_same_task_of_two_datasets_counts_as_two_tasks():
    higher = {"a/depth/rmse": False, "b/depth/rmse": False, "b/depth/abs_rel": False}
    single = dict.fromkeys(higher, 1.0)
    assert multi_task_gain({**single, "a/depth/rmse": 0.5}, single, higher) == pytest.approx(25)


@pytest.mark.parametrize("value, base", [(None, 1.0), (math.nan, 1.0), (1.0, None), (1.0, 0.0), (math.inf, 1.0)])
def test_the_gain_of_an_undefined_score_is_not_a_number(value, base):
    assert math.isnan(multi_task_gain({"depth/rmse": value}, {"depth/rmse": base}, {"depth/rmse": False}))


def test_ranks_are_averaged_over_metrics_and_shared_by_equal_scores():
    scores = {
        "a": {"semseg/mIoU": 40.0, "depth/rmse": 0.5},
        "b": {"semseg/mIoU": 42.0, "depth/rmse": 0.5},
        "c": {"semseg/mIoU": 41.0, "depth/rmse": 0.4},
    }
    assert mean_ranks(scores, HIGHER) == {"a": (3 + 2.5) / 2, "b": (1 + 2.5) / 2, "c": (2 + 1) / 2}


def test_undefined_scores_rank_last():
    scores = {"a": {"depth/rmse": math.nan}, "b": {"depth/rmse": 9.0}, "c": {}}
    assert mean_ranks(scores, {"depth/rmse": False}) == {"a": 2.5, "b": 1.0, "c": 2.5}


def test_runs_are_summarised_by_method():
    runs = [
        MethodRun("equal", 0, {"semseg/mIoU": 40.0, "depth/rmse": 0.5}, 0.2, 100.0),
        MethodRun("UW", 0, {"semseg/mIoU": 44.0, "depth/rmse": 0.5}, 0.3, 110.0),
        MethodRun("equal", 1, {"semseg/mIoU": 42.0, "depth/rmse": 0.6}, 0.4, None),
        MethodRun("UW", 1, {"semseg/mIoU": None, "depth/rmse": 0.5}),
    ]
    equal, uw = compare_methods(runs, [], HIGHER)
    assert (equal.method, equal.seeds, equal.scores["semseg/mIoU"]) == ("equal", [0, 1], [40.0, 42.0])
    assert equal.step_seconds == [0.2, 0.4] and equal.peak_memory == [100.0] and equal.gains == []
    assert uw.scores["semseg/mIoU"] == [44.0] and uw.rank == 1.0 and equal.rank == 2.0


def test_single_task_networks_are_the_first_row_and_the_baseline():
    single = [
        MethodRun("single tasks", seed, {key: value + seed * spread}, 0.1, value)
        for seed in (0, 1)
        for key, value, spread in (("semseg/mIoU", 39.0, 2.0), ("depth/rmse", 0.4, 0.2))
    ]
    runs = [MethodRun("equal", seed, {"semseg/mIoU": 40.0 + seed * 4, "depth/rmse": 0.5}) for seed in (0, 1)]
    baseline, equal = compare_methods(runs, single, HIGHER)
    assert baseline.scores == {"semseg/mIoU": [39.0, 41.0], "depth/rmse": pytest.approx([0.4, 0.6])}
    assert baseline.step_seconds == pytest.approx([0.2, 0.2]) and baseline.peak_memory == [39.0, 39.0]
    assert baseline.rank is None and baseline.gains == []
    assert equal.gains == pytest.approx([0.0, 5.0])
