import logging
import math
from abc import abstractmethod
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from mmengine.dist import all_gather_object
from mmengine.evaluator import BaseMetric
from mmengine.logging import print_log
from torch import Tensor
from torch.utils._pytree import tree_leaves, tree_map

from mtl_plugins.did_you_mean import did_you_mean
from mtl_plugins.kinds import meta_of_dataset
from mtl_plugins.kinds.metric_direction import publish_scores

#: Height and width
Size = tuple[int, int]

# Entries of `results` for images without a score of the task
NOT_LABELLED = "not labelled"
NOT_PREDICTED = "not predicted"
NOT_READ = "not read"
OTHER_DATASET = "of another dataset"


class TaskMetric(BaseMetric):
    """Base class: the scores of one task over a complete set, from one small statistic per image.

    It reads `gt` and `pred` of each sample under the task's name. An image without either adds a marker, so there is
    always one result per image and mmengine merges the results of several processes exactly. The keys of the scores are
    `<task>/<score>`.

    A subclass sets `score_names` and implements `statistics`, `scores` and `protocol`. It declares `higher_is_better`
    and `unit` for its scores; the direction of a score without a declaration is guessed from its name, for example
    higher for `acc` and lower for `rmse`.

    Args:
        task: Name of the task.
        dataset: With several datasets (`MultiDataset`): the dataset whose samples are scored. The keys are then
            `<dataset>/<task>/<score>`.
        collect_device: Device on which processes exchange results; see mmengine's `BaseMetric`.
        collect_dir: Folder for the exchange; see mmengine's `BaseMetric`.
    """

    #: Names of the scores
    score_names: Sequence[str]
    #: `{score name: whether a higher value is better}`; used for the best checkpoint, early stopping, tables and curves
    higher_is_better: Mapping[str, bool] = {}
    #: `{score name: unit}`, for tables and curves
    unit: Mapping[str, str] = {}

    def __init__(
        self,
        task: str,
        dataset: str | None = None,
        collect_device: str = "cpu",
        collect_dir: str | None = None,
    ):
        prefix = task if dataset is None else f"{dataset}/{task}"
        super().__init__(collect_device=collect_device, prefix=prefix, collect_dir=collect_dir)
        self.task, self.dataset = task, dataset
        #: Images of the last evaluation that have scores
        self.images = 0
        #: Images of the last evaluation that could not be read and therefore do not count
        self.unread = 0
        self._sizes: set[tuple[Size, Size]] = set()  # (evaluated, stored) where they differ
        publish_scores(prefix, self.higher_is_better, self.unit)

    @property
    def dataset_meta(self) -> dict | None:
        """METAINFO of the evaluation set. Setting it checks that the metric's `dataset` exists."""
        return self._dataset_meta

    @dataset_meta.setter
    def dataset_meta(self, meta: dict | None) -> None:
        known = (meta or {}).get("datasets", ())
        if known and self.dataset is not None and self.dataset not in known:
            raise ValueError(
                f"{type(self).__name__} scores the dataset {self.dataset!r}, but the datasets are: {', '.join(known)}. "
                f"{did_you_mean(self.dataset, known)}".rstrip()
            )
        self._dataset_meta = meta

    @property
    def metainfo(self) -> dict:
        """METAINFO of the scored dataset."""
        return meta_of_dataset(self.dataset_meta or {}, self.dataset)

    def is_scored(self, sample: Any) -> bool:
        """Whether a sample belongs to the scored dataset, could be read, and has a real label, not a teacher's."""
        real = self.task not in sample.get("pseudo", ()) and not sample.get("bad_samples")
        return real and (self.dataset is None or sample.get("dataset") == self.dataset)

    @abstractmethod
    def statistics(self, prediction: Any, target: Any) -> Tensor | tuple[Tensor, ...]:
        """Compute the statistics of a batch.

        Args:
            prediction: (N, C, H, W), (N, K), or a tree (dict, list, tuple) of tensors.
            target: Labels on the same device; a tensor has the shape of the prediction.

        Returns:
            A tensor or a tuple of tensors, each of length N.
        """

    @abstractmethod
    def scores(self, results: list) -> dict[str, float]:
        """Compute the scores by name from the results of all labelled images (at least one)."""

    @abstractmethod
    def protocol(self) -> str:
        """What the scores mean, in a few words for the log."""

    def complete_protocol(self) -> str:
        """The protocol of the last evaluation, with the size of the labels if the test pipeline changed it."""
        if not self._sizes:
            return self.protocol()
        evaluated, stored = (sorted(set(sizes)) for sizes in zip(*self._sizes, strict=True))
        return f"{self.protocol()}, at {_format(evaluated)} instead of the stored {_format(stored)} pixels (H×W)"

    def why_undefined(self, results: list) -> str:
        """Why a score of labelled images is not a number, for a warning; see `compute_metrics`."""
        return "no pixel of their labels is valid, or predictions are not finite"

    def implausible(self, labels: Sequence[Tensor]) -> str | None:
        """Why labels do not fit the protocol of the metric, for a warning; None if they do.

        Args:
            labels: Some labels of the task, (C, H, W) or (C,).
        """
        return None

    def report(self, results: list) -> str | None:
        """More text for the log, such as a table of the classes."""
        return None

    def check(self, prediction: Any, target: Any, image: str) -> None:
        """Check that a prediction can be compared with a label.

        Args:
            prediction: Of one image, (C, H, W), (K,), or a tree of tensors.
            target: Its label.
            image: Path of the image, for the error message.

        Raises:
            ValueError: The shapes differ.
        """
        if isinstance(prediction, Tensor) and isinstance(target, Tensor) and prediction.shape != target.shape:
            raise ValueError(
                f"{self.task} of {image}: the prediction has shape {tuple(prediction.shape)}, the label "
                f"{tuple(target.shape)}. Check whether label and image have the same size, and whether the test "
                "pipeline resizes the label."
            )

    def process(self, data_batch: Any, data_samples: Sequence[Any]) -> None:
        """Add one result per sample of a batch."""
        if not self.results:  # a new evaluation: mmengine clears the results at the end of each
            self._sizes = set()
        results: list[Any] = [self._marker(sample) for sample in data_samples]
        for indices, prediction, target in self._batches(data_samples):
            for index, result in zip(indices, self.results_of(prediction, target), strict=True):
                results[index] = result
        self.results.extend(results)

    def compute_metrics(self, results: list) -> dict[str, float]:
        """Compute the scores of the dataset and log the protocol; NaN if no image has both label and prediction."""
        labelled = [result for result in results if not isinstance(result, str)]
        marks = Counter(result for result in results if isinstance(result, str))
        self.images, self.unread = len(labelled), marks[NOT_READ]
        if not labelled:
            return self._without_scores(marks)
        more = self.report(labelled)
        print_log(
            f"{self.prefix}: {self.complete_protocol()}, {len(labelled)} images{_without(self.unread)}"
            + (f"\n{more}" if more else ""),
            logger="current",
        )
        scores = self.scores(labelled)
        undefined = [name for name in self.score_names if math.isnan(scores.get(name, 0.0))]
        if undefined:
            print_log(
                f"{self.prefix}: {', '.join(undefined)} of {len(labelled)} labelled images is not a number: "
                f"{self.why_undefined(labelled)}.",
                logger="current",
                level=logging.WARNING,
            )
        return scores

    def evaluate(self, size: int) -> dict:
        """Compute the scores of all processes' results; see mmengine's `BaseMetric`."""
        for sizes in all_gather_object(self._sizes):
            self._sizes |= sizes
        return super().evaluate(size)

    def results_of(self, prediction: Any, target: Any) -> list:
        """The results that `process` stores for a batch (N, C, H, W), one per image."""
        statistics = self.statistics(prediction, target)
        if isinstance(statistics, tuple):
            return list(zip(*map(_rows, statistics), strict=True))
        return _rows(statistics)

    def _without_scores(self, marks: Counter[str]) -> dict[str, float]:
        """The scores if no image has both a label and a prediction; `marks` counts the markers of the images."""
        number = marks.total()
        if NOT_PREDICTED in marks and marks.keys() <= {NOT_PREDICTED, OTHER_DATASET}:
            # as after model.heads.<task>=None
            print_log(f"{self.prefix}: skipped, the model has no head for it", logger="current")
            return {}
        if marks.keys() == {OTHER_DATASET}:
            raise ValueError(
                f"{type(self).__name__} scores the dataset {self.dataset!r}, but none of the {number} images "
                "belongs to it. MultiDataset and a dataset's option name=… give names. Remove dataset= from the metric "
                "if there is only one dataset."
            )
        print_log(
            f"{self.prefix}: none of the {number} images has both a label and a prediction, so there are no "
            "scores. Check the dataset's labels and the model's heads.",
            logger="current",
            level=logging.WARNING,
        )
        return dict.fromkeys(self.score_names, float("nan"))

    def _marker(self, sample: Any) -> str:
        if self.dataset is not None and sample.get("dataset") != self.dataset:
            return OTHER_DATASET
        if sample.get("bad_samples"):
            return NOT_READ
        return NOT_LABELLED if _field(sample.get("pred"), self.task) is not None else NOT_PREDICTED

    def _note_size(self, sample: Any, target: Any) -> None:
        """Remember the size at which a label is evaluated if it is not the stored one."""
        stored = sample.get("stored_shape")
        if stored is not None and isinstance(target, Tensor) and target.ndim > 2 and target.shape[-2:] != tuple(stored):
            self._sizes.add(((target.shape[-2], target.shape[-1]), (stored[0], stored[1])))

    def _batches(self, data_samples: Sequence[Any]) -> Iterator[tuple[Sequence[int], Any, Any]]:
        """Indices, predictions and targets of the labelled samples, stacked if their sizes agree."""
        groups = defaultdict(list)
        for index, sample in enumerate(data_samples):
            prediction, target = (_field(sample.get(part), self.task) for part in ("pred", "gt"))
            if prediction is None or target is None or not self.is_scored(sample):
                continue
            shapes = tuple(map(_shapes, (prediction, target)))
            self.check(prediction, target, sample.get("img_path", f"sample {index} of the batch"))
            device = next(leaf.device for leaf in tree_leaves(prediction))
            groups[shapes, device].append((index, prediction, target))
            self._note_size(sample, target)
        for (_, device), group in groups.items():
            indices, predictions, targets = zip(*group, strict=True)
            if device.type == "mps":  # it has no float64, which the sums need
                device = torch.device("cpu")
            yield indices, _stack(predictions, device), _stack(targets, device)


def why_not_a_number(counts: Tensor, reason: str) -> str:
    """The reason for a score that is not a number: `reason` if no pixel counts, otherwise the predictions."""
    return reason if not counts.any() else "predictions are not finite"


def _without(unread: int) -> str:
    return f", without {unread} that could not be read" if unread else ""


def _format(sizes: Sequence[Size]) -> str:
    return " and ".join(f"{height}×{width}" for height, width in sizes[:2]) + (" and other" if len(sizes) > 2 else "")


def _shapes(tree: Any) -> tuple[tuple[int, ...], ...]:
    return tuple(tuple(leaf.shape) for leaf in tree_leaves(tree))


def _stack(trees: Sequence[Any], device: torch.device) -> Any:
    return tree_map(lambda *leaves: torch.stack([leaf.to(device) for leaf in leaves]), *trees)


def _rows(batch: Tensor) -> list[Tensor]:
    return [row.clone() for row in batch.cpu()]  # pickling a view would include the storage of the complete batch


def _field(data: Any, task: str) -> Any:
    """The task's tensor, or tree of tensors, in a dict, a TaskData or None; None if it is missing."""
    return data.get(task) if data is not None else None
