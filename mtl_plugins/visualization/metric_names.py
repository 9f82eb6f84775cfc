"""What a metric's name says: its unit, and which direction is better."""

import re

_UNITS = {
    "semseg": dict.fromkeys(("mIoU", "pixAcc", "mAcc"), "%"),
    "depth": dict.fromkeys(("rmse", "sq_rel"), "m")
    | dict.fromkeys(("delta1", "delta2", "delta3"), "share")
    | {"silog": "x100"},
    "normals": dict.fromkeys(("mean", "median", "rmse"), "deg") | dict.fromkeys(("11.25", "22.5", "30"), "%"),
}
_GREATER = re.compile(
    r"iou|acc|delta|dice|fmeasure|precision|recall|psnr|ssim|^(f1|ap|map|auc|ods|ois|11\.25|22\.5|30)$"
)
_SMALLER = re.compile(r"mse|mae|err|loss|silog|_rel$|^(mean|median|ber)$")


_DETAIL = "/IoU/"  # semseg/IoU/wall: of one class


def split_metric(key):
    """``'depth/rmse'`` is ``('depth', 'rmse')``; a key without a task has ``''``.

    With several datasets ``'nyud/depth/rmse'`` is ``('nyud/depth', 'rmse')``; what belongs to one class stays in the
    name: ``'semseg/IoU/wall'`` is ``('semseg', 'IoU/wall')``.
    """
    head, detail, tail = key.partition(_DETAIL)
    if detail:
        return head, detail.lstrip("/") + tail
    task, _, name = key.rpartition("/")
    return task, name


def is_headline(key):
    """Whether the key is a whole task's score (``semseg/mIoU``), no detail (``semseg/IoU/wall``), no time."""
    _, name = split_metric(key)
    return "/" not in name and name not in ("time", "data_time", "memory", "step", "epoch", "iter")


def metric_unit(key):
    """The unit of a metric, ``''`` where it has none or it isn't known."""
    task, name = split_metric(key)
    return _UNITS.get(task.rpartition("/")[2], {}).get(name, "")


def higher_is_better(key):
    """True, False, or None where the name does not tell."""
    name = split_metric(key)[1].lower()
    if _GREATER.search(name):
        return True
    if _SMALLER.search(name):
        return False
    return None
