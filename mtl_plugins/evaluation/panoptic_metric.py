from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from mtl_plugins.functional.panoptic import PANOPTIC_VOID, panoptic_scores, panoptic_statistics
from mtl_plugins.registry import METRICS

from .classes_metric import ClassesMetric
from .task_metric import why_not_a_number


@METRICS.register_module()
class PanopticMetric(ClassesMetric):
    """Panoptic quality (Kirillov et al., CVPR 2019) in percent, as the COCO panoptic API computes it.

    `PQ`, `SQ` and `RQ` are means over the classes that occur in the labels or predictions. `PQ_things` is the mean over
    the classes that have instances in the labels, `PQ_stuff` over the others.

    Args:
        task: Name of the task.
        classes: Names of the classes, or their number; by default the dataset's `METAINFO['task_classes'][task]`, or
            else `METAINFO['classes']`.
        per_class: Whether to log a table of the classes.
        **kwargs: Options of `TaskMetric`.
    """

    score_names = ("PQ", "SQ", "RQ", "PQ_things", "PQ_stuff")
    higher_is_better = dict.fromkeys(score_names, True)
    unit = dict.fromkeys(score_names, "%")

    def __init__(
        self,
        task: str = "panoptic",
        classes: Sequence[str] | int | None = None,
        per_class: bool = True,
        **kwargs: Any,
    ):
        super().__init__(task, classes, per_class, **kwargs)

    def statistics(self, prediction: Tensor, target: Tensor) -> Tensor:
        """The counts of `panoptic_statistics`, (N, K, 5)."""
        return panoptic_statistics(prediction, target, len(self.classes))

    def scores(self, results: list) -> dict[str, float]:
        """Scores in percent; without classes of stuff, or without those of things, their mean is left out."""
        found = panoptic_scores(torch.stack(results).sum(0))
        exists, things = ~found["PQ"].isnan(), found["things"]
        parts = {name: found[name] for name in ("PQ", "SQ", "RQ")}
        parts |= {"PQ_things": found["PQ"][things]} if things.any() else {}
        parts |= {"PQ_stuff": found["PQ"][~things]} if (exists & ~things).any() else {}
        return {name: values.nanmean().item() for name, values in parts.items()}

    def why_undefined(self, results: list) -> str:
        """All pixels of the labels are void."""
        return why_not_a_number(torch.stack(results), f"all pixels of their labels are void ({PANOPTIC_VOID})")

    def protocol(self) -> str:
        """The rule of a match, the number of classes and the void id."""
        return f"segments match above an IoU of 0.5, {len(self.classes)} classes, void {PANOPTIC_VOID}"

    def report(self, results: list) -> str | None:
        """A table of the classes."""
        if not self.per_class:
            return None
        found = panoptic_scores(torch.stack(results).sum(0))
        return self.class_table({f"{name} %": found[name].tolist() for name in ("PQ", "SQ", "RQ")})
