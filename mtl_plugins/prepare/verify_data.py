"""Reads every sample of a dataset, and collects what is wrong with it."""

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from mtl_plugins.datasets.bad_samples import READ_ERRORS
from mtl_plugins.files import run_jobs
from mtl_plugins.kinds import kind_of_task, meta_of_task

_CHUNK = 16  # images per job


@dataclass
class LabelSummary:
    """The labels of one task.

    Attributes:
        images: Images that have the label.
        valid_share: Mean share of their pixels that have a value, from 0 to 1.
        empty: Images whose label has no valid pixel.
    """

    images: int = 0
    valid_share: float = 0.0
    empty: int = 0


@dataclass
class Verification:
    """What was found in a dataset.

    Attributes:
        images: Number of images.
        labels: Summary of each task's labels.
        unreadable: The reason for each image that cannot be read, by image.
        suspicious: What is implausible about labels, as (image, task, reason).
    """

    images: int
    labels: dict[str, LabelSummary] = field(default_factory=dict)
    unreadable: dict[str, str] = field(default_factory=dict)
    suspicious: list[tuple[str, str, str]] = field(default_factory=list)


def verify_dataset(
    dataset: Any, kinds: Mapping[str, str], title: str, workers: int | None = None, progress: bool = True
) -> Verification:
    """Read every image and label of a dataset from disk, before any transform.

    Labels are checked as at the start of a training (`Kind.implausible`), but all of them and each image separately.

    Args:
        dataset: A `MultiTaskDataset`.
        kinds: `{task: name of its kind}` of the model's heads.
        title: Title of the progress bar.
        workers: Number of processes; None for one per core.
        progress: Whether to show the progress bar.
    """
    jobs = []
    for start in range(0, len(dataset), _CHUNK):
        part = copy.copy(dataset)  # a job is pickled: it has only its own samples
        part.samples, part.cache, part.on_bad_sample = dataset.samples[start : start + _CHUNK], None, "raise"
        jobs.append((part, dict(kinds)))
    found = run_jobs(_read_chunk, jobs, title, workers, progress, count=lambda job: len(job[0]))
    result = Verification(len(dataset), {task: LabelSummary() for task in dataset.tasks})
    for path, problem, shares, reasons in (item for chunk in found for item in chunk):
        if problem is not None:
            result.unreadable[path] = problem
        for task, share in shares.items():
            summary = result.labels.setdefault(task, LabelSummary())
            summary.images += 1
            summary.valid_share += share
            summary.empty += share == 0
        result.suspicious += [(path, task, reason) for task, reason in reasons.items()]
    for summary in result.labels.values():
        summary.valid_share /= max(summary.images, 1)
    return result


def _read_chunk(job):
    dataset, kinds = job
    return [_read(dataset, index, kinds) for index in range(len(dataset))]


def _read(dataset, index, kinds):
    path = str(dataset.samples[index].img)
    try:
        sample = dataset.read(index)
    except READ_ERRORS as error:
        return path, str(error) or type(error).__name__, {}, {}
    shares, reasons = {}, {}
    for task in dataset.tasks:
        label = sample.get(task)
        if not isinstance(label, Tensor):
            continue
        label = label.as_subclass(Tensor)
        kind, meta = kind_of_task(task, [label], kinds), meta_of_task(task, dataset.metainfo)
        shares[task] = kind.valid(label).float().mean().item()
        reason = kind.implausible([label], meta) if shares[task] else "no pixel is valid."
        if reason:
            reasons[task] = reason
    return path, None, shares, reasons
