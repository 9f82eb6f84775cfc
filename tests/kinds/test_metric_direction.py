import pytest

from mtl_plugins.evaluation import TaskMetric
from mtl_plugins.kinds.metric_direction import higher_is_better, is_headline, metric_unit, split_metric
from mtl_plugins.registry import METRICS


@pytest.mark.parametrize(
    ("key", "up", "unit"),
    [
        ("semseg/mIoU", True, "%"),
        ("nyud/semseg/mIoU", True, "%"),
        ("depth/rmse", False, "m"),
        ("depth/rmse_log", False, ""),
        ("depth/delta2", True, "share"),
        ("depth/abs_rel", False, ""),
        ("normals/mean", False, "deg"),
        ("normals/11.25", True, "%"),
        ("kitti/normals/rmse", False, "deg"),
        ("saliency/maxF", True, "%"),
        ("saliency/mae", False, ""),
        ("edge/odsF", True, "%"),
        ("flow/maxF", None, ""),
    ],
)
def test_keys_of_metrics(key, up, unit):
    assert higher_is_better(key) is up
    assert metric_unit(key) == unit
    assert is_headline(key)


def test_scores_per_class_and_times_are_not_headlines():
    assert not is_headline("semseg/IoU/wall") and not is_headline("time")
    assert split_metric("nyud/semseg/IoU/wall") == ("nyud/semseg", "IoU/wall")


def test_every_score_has_a_direction():
    for metric in ("SegmentationMetric", "DepthMetric", "NormalsMetric"):
        cls = METRICS.get(metric)
        assert set(cls.higher_is_better) == set(cls.score_names) and set(cls.unit) <= set(cls.score_names)


def test_direction_and_unit_declared_by_a_metric_are_used():
    class FlowMetric(TaskMetric):
        score_names = ("epe", "outliers", "accuracy")
        higher_is_better = {"epe": False, "outliers": False}
        unit = {"epe": "px"}

        def __init__(self, task="flow_of_test", **kwargs):
            super().__init__(task, **kwargs)

        statistics = scores = protocol = None

    assert higher_is_better("flow_of_test/epe") is None
    FlowMetric(dataset="sintel")
    assert higher_is_better("sintel/flow_of_test/epe") is False and metric_unit("sintel/flow_of_test/epe") == "px"
    assert higher_is_better("sintel/flow_of_test/accuracy") is True, "inferred from the name of the score"
    assert higher_is_better("flow_of_test/epe") is None
    METRICS.register_module(name="FlowMetricOfTest")(FlowMetric)
    try:
        assert higher_is_better("flow_of_test/epe") is False, "known before the metric is built"
    finally:
        METRICS.module_dict.pop("FlowMetricOfTest")


def test_a_metric_with_a_custom_task_name_has_direction_and_unit():
    assert metric_unit("left_depth/rmse") == ""
    METRICS.build(dict(type="DepthMetric", task="left_depth"))
    assert metric_unit("left_depth/rmse") == "m" and higher_is_better("left_depth/delta1") is True
