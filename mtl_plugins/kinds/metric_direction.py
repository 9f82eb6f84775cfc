"""Metric keys such as `nyud/depth/rmse`: the task, the unit, and which direction is better.

`higher_is_better` and `metric_unit` are the only place that decides. They use, in this order:

1. what a metric object of this process has published with `publish_scores`,
2. what the metric class of that task declares (`TaskMetric.higher_is_better`, `TaskMetric.unit`),
3. for the direction: the name of the score.
"""

import inspect
import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import NamedTuple

from mtl_plugins.registry import METRICS


class Scores(NamedTuple):
    """What a metric declares about its scores, by score name."""

    higher_is_better: Mapping[str, bool]
    unit: Mapping[str, str]


_HIGHER = re.compile(r"iou|acc|delta|dice|fmeasure|precision|recall|psnr|ssim|^(f1|ap|map|auc|ods|ois)$")
_LOWER = re.compile(r"mse|mae|err|loss|silog|_rel$|^(mean|median|ber)$")
_DETAIL = "/IoU/"  # semseg/IoU/wall belongs to one class
_NO_SCORES = ("time", "data_time", "memory", "step", "epoch", "iter")

_PUBLISHED: dict[str, Scores] = {}  # by the prefix of the keys


def publish_scores(prefix: str, higher_is_better: Mapping[str, bool], unit: Mapping[str, str]) -> None:
    """Publish the directions and units of the keys `<prefix>/<score>`; metrics do so when they are built."""
    _PUBLISHED[prefix] = Scores(higher_is_better, unit)


def split_metric(key: str) -> tuple[str, str]:
    """Split a key into its task and the name of its score.

    Examples:
        >>> split_metric("depth/rmse"), split_metric("nyud/depth/rmse"), split_metric("semseg/IoU/wall")
        (('depth', 'rmse'), ('nyud/depth', 'rmse'), ('semseg', 'IoU/wall'))
    """
    head, detail, tail = key.partition(_DETAIL)
    if detail:
        return head, detail.lstrip("/") + tail
    task, _, name = key.rpartition("/")
    return task, name


def is_headline(key: str) -> bool:
    """Whether a key is the score of a complete task (`semseg/mIoU`) rather than of one class, or a time."""
    _, name = split_metric(key)
    return "/" not in name and name not in _NO_SCORES


def metric_unit(key: str) -> str:
    """The unit of a metric; `''` if it has none or is unknown.

    Examples:
        >>> metric_unit("nyud/depth/rmse")
        'm'
    """
    name = split_metric(key)[1]
    return next((scores.unit[name] for scores in _declarations(key) if name in scores.unit), "")


def higher_is_better(key: str) -> bool | None:
    """Whether a higher value is better; `None` if that is unknown.

    Examples:
        >>> higher_is_better("semseg/mIoU"), higher_is_better("depth/rmse"), higher_is_better("flow/foo")
        (True, False, None)
    """
    name = split_metric(key)[1]
    for scores in _declarations(key):
        if name in scores.higher_is_better:
            return scores.higher_is_better[name]
    if _HIGHER.search(name.lower()):
        return True
    return False if _LOWER.search(name.lower()) else None


def _declarations(key: str) -> Iterator[Scores]:
    prefix = split_metric(key)[0]
    if prefix in _PUBLISHED:
        yield _PUBLISHED[prefix]
    task = prefix.rpartition("/")[2]
    METRICS.import_from_location()
    for metric in tuple(METRICS.module_dict.values()):
        if task and _default_task(metric) == task:
            yield Scores(getattr(metric, "higher_is_better", {}), getattr(metric, "unit", {}))


@cache
def _default_task(metric: type) -> str | None:
    """The default of a metric's parameter `task`."""
    parameter = inspect.signature(metric).parameters.get("task")
    return parameter.default if parameter is not None and isinstance(parameter.default, str) else None
