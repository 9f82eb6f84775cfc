from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from mtl_plugins.functional.segmentation_metrics import confusion_matrices, segmentation_scores
from mtl_plugins.registry import METRICS

from .classes_metric import ClassesMetric
from .task_metric import why_not_a_number


@METRICS.register_module()
class SegmentationMetric(ClassesMetric):
    """mIoU, pixel accuracy and mean accuracy in percent, from the confusion matrix of the complete set.

    `mIoU` is the mean over the classes that occur in the labels or predictions.

    Args:
        task: Name of the task.
        classes: Names of the classes, or their number; by default the dataset's `METAINFO['task_classes'][task]`, or
            else `METAINFO['classes']`.
        ignore_index: The id of void pixels.
        per_class: Whether to log a table of the classes.
        per_class_keys: Whether the scores include `IoU/<class>`.
        **kwargs: Options of `TaskMetric`.
    """

    score_names = ("mIoU", "pixAcc", "mAcc")
    higher_is_better = dict.fromkeys(score_names, True)
    unit = dict.fromkeys(score_names, "%")

    def __init__(
        self,
        task: str = "semseg",
        classes: Sequence[str] | int | None = None,
        ignore_index: int = 255,
        per_class: bool = True,
        per_class_keys: bool = False,
        **kwargs: Any,
    ):
        super().__init__(task, classes, per_class, **kwargs)
        self.ignore_index = ignore_index
        self.per_class_keys = per_class_keys

    def statistics(self, prediction: Tensor, target: Tensor) -> Tensor:
        """Confusion matrices (N, K, K)."""
        return confusion_matrices(prediction, target, len(self.classes), self.ignore_index)

    def scores(self, results: list) -> dict[str, float]:
        """Scores in percent."""
        scores = self._all_scores(results)
        per_class = zip(self.classes, scores["IoU"], strict=True) if self.per_class_keys else ()
        return {name: scores[name] for name in self.score_names} | {f"IoU/{name}": iou for name, iou in per_class}

    def why_undefined(self, results: list) -> str:
        """All pixels of the labels are void."""
        return why_not_a_number(torch.stack(results), f"all pixels of their labels are void ({self.ignore_index})")

    def protocol(self) -> str:
        """Number of classes and the void id."""
        return f"one confusion matrix of all pixels, {len(self.classes)} classes, void {self.ignore_index}"

    def report(self, results: list) -> str | None:
        """A table of the classes."""
        if not self.per_class:
            return None
        scores = self._all_scores(results)
        return self.class_table({"IoU %": scores["IoU"], "acc %": scores["acc"]})

    def _all_scores(self, results: list) -> dict[str, Any]:
        return segmentation_scores(torch.stack(results).sum(0))
