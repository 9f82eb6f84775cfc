from typing import Any

import torch
from torch import Tensor

from mtl_plugins.functional.binary_labels import require_binary
from mtl_plugins.functional.saliency_metrics import THRESHOLDS, saliency_scores, saliency_statistics
from mtl_plugins.registry import METRICS

from .task_metric import TaskMetric


@METRICS.register_module()
class SaliencyMetric(TaskMetric):
    """Largest F-measure in percent, mean absolute error and S-measure of saliency maps; see `saliency_scores`.

    Args:
        task: Name of the task.
        **kwargs: Options of `TaskMetric`.
    """

    score_names = ("maxF", "MAE", "Sm")
    higher_is_better = dict(maxF=True, MAE=False, Sm=True)
    unit = dict(maxF="%", MAE="share", Sm="share")

    def __init__(self, task: str = "saliency", **kwargs: Any):
        super().__init__(task, **kwargs)

    def check(self, prediction: Any, target: Any, image: str) -> None:
        """Raise ValueError if the shapes differ, or if the label is not binary."""
        super().check(prediction, target, image)
        require_binary(target, f"{self.task} of {image}")

    def statistics(self, prediction: Tensor, target: Tensor) -> Tensor:
        """The measures of each image."""
        return saliency_statistics(prediction, target)

    def scores(self, results: list) -> dict[str, float]:
        """Compute the scores of the dataset."""
        return saliency_scores(torch.stack(results))

    def protocol(self) -> str:
        """The thresholds and the averages."""
        low, high = THRESHOLDS[0], THRESHOLDS[-1]
        return (
            f"{len(THRESHOLDS)} thresholds from {low:g} to {high:g}, precision and recall averaged over the images, "
            "beta² 0.3"
        )
