from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from mmengine.runner import Runner
from torch import Tensor

from mtl_plugins.datasets import innermost_datasets
from mtl_plugins.datasets.bad_samples import READ_ERRORS
from mtl_plugins.kinds import kind_of_task, kinds_of_heads, meta_of_task
from mtl_plugins.registry import HOOKS
from mtl_plugins.unwrap_model import unwrap_model

Labels = dict[str, list[Tensor]]


@HOOKS.register_module()
class LabelRangesHook(Hook):
    """Logs the range of each label and its share of valid pixels, once at the start of a training and of a test.

    It reads a few samples of each dataset, before any transform, and warns if their values are implausible: depth in
    another unit, class ids without a class, vectors that do not have length 1, no valid pixel. What is plausible is
    defined by the kind of the task (`Kind.implausible`) and by the protocol of its metric (`TaskMetric.implausible`).
    A resumed training logs nothing.

    Args:
        samples: Samples to read from each dataset, evenly spread; 0 switches the hook off.
    """

    def __init__(self, samples: int = 8):
        if samples < 0:
            raise ValueError(f"LabelRangesHook: samples={samples} must be 0 or more.")
        self.samples = samples

    def before_train(self, runner: Runner) -> None:
        """Log the labels of the training set."""
        if runner.iter == 0:
            self._report(runner, "training", runner.train_dataloader.dataset, runner.val_loop)

    def before_test(self, runner: Runner) -> None:
        """Log the labels of the test set."""
        self._report(runner, "test", runner.test_dataloader.dataset, runner.test_loop)

    def _report(self, runner: Runner, what: str, dataset: Any, loop: Any) -> None:
        if not is_main_process() or not self.samples:
            return
        heads = getattr(unwrap_model(runner.model), "heads", {})
        kinds, metrics = kinds_of_heads(heads), getattr(getattr(loop, "evaluator", None), "metrics", ())
        for name, part in _readable_parts(dataset):
            rows, warnings = [], []
            title = f"the {what} set" + (f" {name!r}" if name else "")
            found, number = read_labels(part, self.samples)
            for task in (task for task in found if task in heads):
                kind, meta = kind_of_task(task, found[task], kinds), meta_of_task(task, part.metainfo)
                valid = [kind.valid(label).float().mean().item() for label in found[task]]
                share = sum(valid) / number  # a missing label has no valid pixel
                labels = [label for label, any_valid in zip(found[task], valid, strict=True) if any_valid]
                rows.append(
                    f"  {task}: {kind.describe(labels, meta) if labels else 'no valid pixel'}, "
                    f"{share:.1%} of the pixels valid, in {len(found[task])} of {number} images"
                )
                problems: list[str | None] = ["no pixel is valid. Check the label files."]
                if labels:
                    problems = [metric.implausible(labels) for metric in _of(metrics, task, name)]
                    problems.append(kind.implausible(labels, meta))
                warnings += [f"{task} of {title}: {problem}" for problem in problems if problem][:1]
            if rows:
                runner.logger.info("\n".join([f"Labels of {title}, {number} of {len(part)} images:", *rows]))
            for warning in warnings:
                runner.logger.warning(warning)


def read_labels(dataset: Any, samples: int) -> tuple[Labels, int]:
    """Read some samples, evenly spread over a dataset, and collect their labels.

    Labels that are no tensors, and samples that cannot be read, are left out: training reports the latter.

    Returns:
        The labels by task, and the number of samples that were read.
    """
    labels: Labels = defaultdict(list)
    count = min(samples, len(dataset))
    number = 0
    for index in (position * len(dataset) // count for position in range(count)):
        try:
            sample = dataset.read(index)
        except READ_ERRORS:
            continue
        number += 1
        for task in dataset.tasks:
            if isinstance(sample.get(task), Tensor):
                labels[task].append(sample[task].as_subclass(Tensor))
    for task in dataset.tasks if number else ():
        labels.setdefault(task, [])
    return dict(labels), number


def _readable_parts(dataset: Any) -> Iterator[tuple[str, Any]]:
    """The datasets by name; those that cannot read a sample before its transforms are left out."""
    for part in innermost_datasets(dataset):
        if hasattr(part, "read") and hasattr(part, "tasks"):
            yield getattr(part, "name", None) or "", part


def _of(metrics: Any, task: str, dataset: str) -> list[Any]:
    """The metrics that score a task of a dataset and know what is plausible."""
    return [
        metric
        for metric in metrics
        if getattr(metric, "task", None) == task
        and getattr(metric, "dataset", None) in (None, dataset)
        and hasattr(metric, "implausible")
    ]
