"""Metrics of tasks with one label per image."""

from typing import Any

import torch
from torch import Tensor

from mtl_plugins.registry import METRICS

from .task_metric import TaskMetric

_VOID = -1


@METRICS.register_module()
class ImageClassMetric(TaskMetric):
    """Accuracy in percent of one class per image, over the images with a label; -1 is void.

    Args:
        task: Name of the task.
        **kwargs: Options of `TaskMetric`.
    """

    score_names = ("accuracy",)
    higher_is_better = {"accuracy": True}
    unit = {"accuracy": "%"}

    def __init__(self, task: str = "scene", **kwargs: Any):
        super().__init__(task, **kwargs)

    def statistics(self, prediction: Tensor, target: Tensor) -> Tensor:
        """Whether the class is right, and whether the image has a label, (N, 2)."""
        valid = target != _VOID
        return torch.cat([(prediction == target) & valid, valid], dim=1).double()

    def scores(self, results: list) -> dict[str, float]:
        """The accuracy."""
        correct, images = torch.stack(results).sum(0).tolist()
        return dict(accuracy=100 * correct / images if images else float("nan"))

    def why_undefined(self, results: list) -> str:
        """All labels are void."""
        return f"all labels are void ({_VOID})"

    def protocol(self) -> str:
        """What counts."""
        return f"share of the images with a label, void {_VOID}"


@METRICS.register_module()
class ImageNumbersMetric(TaskMetric):
    """Mean absolute error and root mean squared error of one vector per image; labels with NaN do not count.

    Args:
        task: Name of the task.
        **kwargs: Options of `TaskMetric`.
    """

    score_names = ("mae", "rmse")
    higher_is_better = dict.fromkeys(score_names, False)

    def __init__(self, task: str, **kwargs: Any):
        super().__init__(task, **kwargs)

    def statistics(self, prediction: Tensor, target: Tensor) -> Tensor:
        """Sums of absolute and squared errors, and the number of values, (N, 3)."""
        valid = target.isfinite().all(1, keepdim=True).expand_as(target)
        error = (prediction.double() - target.double()).masked_fill(~valid, 0)
        return torch.stack([error.abs().sum(1), error.square().sum(1), valid.sum(1).double()], dim=1)

    def scores(self, results: list) -> dict[str, float]:
        """The errors over all values of all images."""
        absolute, squared, values = torch.stack(results).sum(0).tolist()
        if not values:
            return dict.fromkeys(self.score_names, float("nan"))
        return dict(mae=absolute / values, rmse=(squared / values) ** 0.5)

    def protocol(self) -> str:
        """What counts."""
        return "all values of the images with a label"
