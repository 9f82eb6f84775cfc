from typing import Any

import torch
from torch import Tensor

from mtl_plugins.functional.normal_metrics import normal_scores, normal_statistics
from mtl_plugins.registry import METRICS

from .task_metric import TaskMetric, why_not_a_number

_ERRORS = ("mean", "median", "rmse")
_SHARES = ("11.25", "22.5", "30")


@METRICS.register_module()
class NormalsMetric(TaskMetric):
    """Mean, median and RMS angular error in degrees, and the percentage of pixels below 11.25°, 22.5° and 30°.

    All pixels of the dataset with a label other than (0, 0, 0) count. Predictions may have any length.

    Args:
        task: Name of the task.
        **kwargs: Options of `TaskMetric`.
    """

    score_names = (*_ERRORS, *_SHARES)
    higher_is_better = dict.fromkeys(_ERRORS, False) | dict.fromkeys(_SHARES, True)
    unit = dict.fromkeys(_ERRORS, "deg") | dict.fromkeys(_SHARES, "%")

    def __init__(self, task: str = "normals", **kwargs: Any):
        super().__init__(task, **kwargs)

    def statistics(self, prediction: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """Sums and a histogram of the angular errors of each image."""
        return normal_statistics(prediction, target)

    def scores(self, results: list) -> dict[str, float]:
        """Compute the scores of the dataset."""
        sums, histograms = zip(*results, strict=True)
        return normal_scores(torch.stack(sums), torch.stack(histograms))

    def why_undefined(self, results: list) -> str:
        """No label has a valid normal, or predictions are not finite."""
        histograms = torch.stack([histogram for _, histogram in results])
        return why_not_a_number(histograms, "no pixel of their labels has a normal")

    def protocol(self) -> str:
        """Which pixels count."""
        return "angular error over all valid pixels of the set"
