import torch

from mtl_plugins.functional.depth_metrics import CROPS, depth_scores, depth_statistics, evaluated_pixels
from mtl_plugins.registry import METRICS

from .task_metric import TaskMetric

AVERAGES = ("pixel", "image")


@METRICS.register_module()
class DepthMetric(TaskMetric):
    """RMSE, RMSE log, abs rel, sq rel, SILog and δ1–δ3 of metric depth; see :func:`depth_scores`.

    A pixel counts where min_depth < label < max_depth; predictions are clamped to that range.

    Args:
        task: the key of the task.
        crop: None, ``'eigen'`` (NYUDv2) or ``'garg'`` (KITTI).
        min_depth, max_depth: metres.
        average: ``'pixel'`` over all pixels of the set, or ``'image'``: each image's score, averaged.
    """

    score_names = ("rmse", "rmse_log", "abs_rel", "sq_rel", "silog", "delta1", "delta2", "delta3")

    def __init__(self, task="depth", crop=None, min_depth=1e-3, max_depth=10.0, average="pixel", **kwargs):
        super().__init__(task, **kwargs)
        for name, value, allowed in (("crop", crop, (None, *CROPS)), ("average", average, AVERAGES)):
            if value not in allowed:
                raise ValueError(f"DepthMetric has {name}={value!r}, allowed are {', '.join(map(repr, allowed))}")
        if not 0 < min_depth < max_depth:
            raise ValueError(f"DepthMetric needs 0 < min_depth < max_depth, not {min_depth} and {max_depth} metres")
        self.crop = crop
        self.min_depth = min_depth
        self.max_depth = max_depth
        self.average = average

    def evaluated(self, target):
        """Bool, shape of ``target``: the pixels that count."""
        return evaluated_pixels(target, self.min_depth, self.max_depth, self.crop)

    def statistics(self, prediction, target):
        prediction = prediction.double().clamp(self.min_depth, self.max_depth)
        return depth_statistics(prediction, target, self.evaluated(target))

    def scores(self, results):
        return depth_scores(torch.stack(results), self.average)

    def protocol(self):
        crop = f"{self.crop.capitalize()} crop" if self.crop else "no crop"
        return f"{crop}, {self.min_depth:g}-{self.max_depth:g} m, {self.average}-wise average"
