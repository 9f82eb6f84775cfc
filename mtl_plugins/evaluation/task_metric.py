import logging
from abc import abstractmethod
from collections import defaultdict

import torch
from mmengine.evaluator import BaseMetric
from mmengine.logging import print_log

# stand in ``results`` for an image that lacks the task
NOT_LABELLED = "not labelled"
NOT_PREDICTED = "not predicted"


class TaskMetric(BaseMetric):
    """The scores of one task over a whole set, from one small statistic an image; keys ``<task>/<score>``.

    Reads ``gt`` and ``pred`` of each sample under the task's name. An image that lacks either adds a marker,
    so that there is always one result an image and mmengine's merge of several processes is exact. A subclass
    sets ``score_names`` and writes :meth:`statistics`, :meth:`scores` and :meth:`protocol`.

    Args:
        task: the key of the task.
        dataset: the name of the dataset whose samples alone are scored, where there are several (``MultiDataset``);
            the keys are then ``<dataset>/<task>/<score>``.
        collect_device, collect_dir: see mmengine's ``BaseMetric``.
    """

    score_names: tuple

    def __init__(self, task, dataset=None, collect_device="cpu", collect_dir=None):
        prefix = task if dataset is None else f"{dataset}/{task}"
        super().__init__(collect_device=collect_device, prefix=prefix, collect_dir=collect_dir)
        self.task, self.dataset = task, dataset

    @property
    def dataset_meta(self):
        return self._dataset_meta

    @dataset_meta.setter
    def dataset_meta(self, meta):
        """Set before the first image comes: a name that no dataset has is told then."""
        known = (meta or {}).get("datasets", ())
        if known and self.dataset is not None and self.dataset not in known:
            raise ValueError(
                f"{type(self).__name__} scores the dataset {self.dataset!r}, but there are: {', '.join(known)}."
            )
        self._dataset_meta = meta

    @property
    def metainfo(self):
        """The metainfo of the dataset that is scored."""
        meta = self.dataset_meta or {}
        return meta.get("datasets", {}).get(self.dataset, meta)

    def is_scored(self, sample):
        """Whether a sample is of the dataset that is scored, and its label a real one, no teacher's answer."""
        real = self.task not in sample.get("pseudo", ())
        return real and (self.dataset is None or sample.get("dataset") == self.dataset)

    @abstractmethod
    def statistics(self, prediction, target):
        """Statistics of a batch (N, C, H, W) on one device: a tensor or a tuple of them, each of length N."""

    @abstractmethod
    def scores(self, results):
        """``{score name: float}`` of the set, from the list (never empty) of its labelled images' results."""

    @abstractmethod
    def protocol(self):
        """What the scores mean, in a few words for the log."""

    def report(self, results):
        """More text for the log, or None."""

    def process(self, data_batch, data_samples):
        statistics = [self._lacking(sample) for sample in data_samples]
        for indices, prediction, target in self._batches(data_samples):
            for index, statistic in zip(indices, self.results_of(prediction, target), strict=True):
                statistics[index] = statistic
        self.results.extend(statistics)

    def compute_metrics(self, results):
        labelled = [result for result in results if not isinstance(result, str)]
        if results and all(
            isinstance(result, str) and result == NOT_PREDICTED for result in results
        ):  # as after model.heads.<task>=None
            print_log(f"{self.prefix}: left out, the model has no head for it", logger="current")
            return {}
        if not labelled:
            print_log(
                f"{self.prefix}: none of the {len(results)} images has both a label and a prediction, so there "
                "are no scores; check the dataset's labels and the model's heads",
                logger="current",
                level=logging.WARNING,
            )
            return dict.fromkeys(self.score_names, float("nan"))
        more = self.report(labelled)
        print_log(
            f"{self.prefix}: {self.protocol()}, {len(labelled)} images" + (f"\n{more}" if more else ""),
            logger="current",
        )
        return self.scores(labelled)

    def results_of(self, prediction, target):
        """The results, one an image, that :meth:`process` keeps of a batch (N, C, H, W)."""
        statistics = self.statistics(prediction, target)
        if isinstance(statistics, tuple):
            return list(zip(*map(_rows, statistics), strict=True))
        return _rows(statistics)

    def _lacking(self, sample):
        return NOT_LABELLED if _field(sample.get("pred"), self.task) is not None else NOT_PREDICTED

    def _batches(self, data_samples):
        """Indices, predictions and targets of the labelled samples, stacked wherever the sizes agree."""
        groups = defaultdict(list)
        for index, sample in enumerate(data_samples):
            prediction, target = (_field(sample.get(part), self.task) for part in ("pred", "gt"))
            if prediction is None or target is None or not self.is_scored(sample):
                continue
            if prediction.shape != target.shape:
                image = sample.get("img_path", f"sample {index} of the batch")
                raise ValueError(
                    f"{self.task} of {image}: the prediction has shape {tuple(prediction.shape)}, the label "
                    f"{tuple(target.shape)}; is the label of another size than the image, or does the test "
                    "pipeline resize it?"
                )
            groups[tuple(target.shape), prediction.device].append((index, prediction, target))
        for (_, device), group in groups.items():
            indices, predictions, targets = zip(*group, strict=True)
            if device.type == "mps":  # has no float64, which the sums need
                device = torch.device("cpu")
            yield indices, torch.stack(predictions).to(device), torch.stack([t.to(device) for t in targets])


def _rows(batch):
    return [row.clone() for row in batch.cpu()]  # a view would be pickled with the whole batch's storage


def _field(data, task):
    """The task's tensor in a dict, a PixelData or None; None if it is not there."""
    return data.get(task) if data is not None else None
