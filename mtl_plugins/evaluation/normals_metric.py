import torch

from mtl_plugins.functional.normal_metrics import normal_scores, normal_statistics
from mtl_plugins.registry import METRICS

from .task_metric import TaskMetric


@METRICS.register_module()
class NormalsMetric(TaskMetric):
    """Mean, median and RMS angular error in degrees, and the percentage of pixels below 11.25°, 22.5°, 30°.

    Over all pixels of the set whose label is not (0, 0, 0); predictions may have any length.

    Args:
        task: the key of the task.
    """

    score_names = ("mean", "median", "rmse", "11.25", "22.5", "30")

    def __init__(self, task="normals", **kwargs):
        super().__init__(task, **kwargs)

    def statistics(self, prediction, target):
        return normal_statistics(prediction, target)

    def scores(self, results):
        sums, histograms = zip(*results, strict=True)
        return normal_scores(torch.stack(sums), torch.stack(histograms))

    def protocol(self):
        return "angular error over all valid pixels of the set"
