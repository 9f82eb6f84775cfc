import torch

from mtl_plugins.functional.segmentation_metrics import confusion_matrices, segmentation_scores
from mtl_plugins.registry import METRICS

from .task_metric import TaskMetric


@METRICS.register_module()
class SegmentationMetric(TaskMetric):
    """mIoU, pixel accuracy and mean accuracy in percent, from the confusion matrix of the whole set.

    ``mIoU`` is the mean over the classes that occur in the set's labels or predictions.

    Args:
        task: the key of the task.
        classes: the classes' names, or their number; the dataset's ``METAINFO['classes']`` by default.
        ignore_index: the void class.
        per_class: whether a table of the classes goes to the log.
        per_class_keys: whether the scores hold ``IoU/<class>`` too.
    """

    score_names = ("mIoU", "pixAcc", "mAcc")

    def __init__(self, task="semseg", classes=None, ignore_index=255, per_class=True, per_class_keys=False, **kwargs):
        super().__init__(task, **kwargs)
        self._classes = classes
        self.ignore_index = ignore_index
        self.per_class = per_class
        self.per_class_keys = per_class_keys

    @property
    def classes(self):
        """The classes' names."""
        classes = self._classes
        if classes is None:
            classes = self.metainfo.get("classes")
        if classes is None:
            raise ValueError(
                f"SegmentationMetric of {self.task!r} knows no classes: the dataset's METAINFO has no "
                "'classes'; give it there, or classes=[...] to the metric"
            )
        return [str(c) for c in range(classes)] if isinstance(classes, int) else list(classes)

    def statistics(self, prediction, target):
        return confusion_matrices(prediction, target, len(self.classes), self.ignore_index)

    def scores(self, results):
        scores = self._all_scores(results)
        per_class = zip(self.classes, scores["IoU"], strict=True) if self.per_class_keys else ()
        return {name: scores[name] for name in self.score_names} | {f"IoU/{name}": iou for name, iou in per_class}

    def protocol(self):
        return f"one confusion matrix of all pixels, {len(self.classes)} classes, void {self.ignore_index}"

    def report(self, results):
        if not self.per_class:
            return None
        scores = self._all_scores(results)
        width = max(map(len, [*self.classes, "class"]))
        rows = zip(self.classes, scores["IoU"], scores["acc"], strict=True)
        return "\n".join(
            [f"{'class':<{width}}   IoU %   acc %"]
            + [f"{c:<{width}} {_cell(iou)} {_cell(acc)}" for c, iou, acc in rows]
        )

    def _all_scores(self, results):
        return segmentation_scores(torch.stack(results).sum(0))


def _cell(percent):
    return f"{percent:7.2f}" if percent == percent else f"{'-':>7}"  # NaN: the class does not occur
