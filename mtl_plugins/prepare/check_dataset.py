"""Checks datasets that are read in their official layout: opens every file once and writes a summary."""

import copy
import json
import os
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from mtl_plugins.datasets import MultiTaskDataset, SampleFiles
from mtl_plugins.files import TEMPORARY_PREFIX, read_json, write_text

from .check_jobs import Check, digest, run_checks, version_of
from .dataset_summary import image_statistics, print_summary, shorten, summarize
from .journal import Journal

VERSION = 1  # of the summary files


def check_dataset(
    datasets: Mapping[str, MultiTaskDataset],
    out: str | Path,
    name: str,
    title: str,
    known: Mapping[str, Any] | None = None,
    workers: int | None = None,
    progress: bool = True,
    extra_files: Callable[[SampleFiles], Iterable[Path]] = lambda sample: (),
    facts: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Read every sample of some datasets in parallel and return their summary; see `summarize`.

    The summary is also written to `<out>/<name>.json`. The file exists only after a successful check. Nothing is opened
    again until a file is added or removed or changes its size. A killed run resumes (`<name>.checked.jsonl`).

    Args:
        datasets: Datasets without a pipeline, by split.
        out: Folder of the summary.
        name: Name of the dataset in file names.
        title: Name of the dataset in messages.
        known: Numbers of the complete official dataset; see `find_differences`.
        workers: Number of processes; None for one per core.
        progress: Whether to show a progress bar and print the summary.
        extra_files: Further files that a sample is read from.
        facts: Further items of the summary.

    Raises:
        DataError: Files are invalid: how many, and what is wrong with the first ones.
        OSError: `out` is not writable, or the disk is full.
    """
    out = Path(out).expanduser()
    out.mkdir(parents=True, exist_ok=True)
    if not os.access(out, os.W_OK):
        raise PermissionError(
            f"{out} is not writable, but {name}.json is written there: set another folder with --out."
        )
    marker, journal = out / f"{name}.json", Journal(out / f"{name}.checked.jsonl")
    checks = [
        Check(_single_sample(dataset, index), f"{split} {_version(dataset, sample, extra_files)}")
        for split, dataset in datasets.items()
        for index, sample in enumerate(dataset.samples)
    ]
    identity = dict(version=VERSION, files=digest(checks)) | dict(facts or {})
    summary = _read_summary(marker, identity)
    head = f"{out}: already complete."
    if summary is None:
        marker.unlink(missing_ok=True)
        found = run_checks(_check_sample, checks, journal, title, workers, progress)
        summary = identity | _summarize(found, datasets)
        for partial_file in out.glob(f"{TEMPORARY_PREFIX}*-{marker.name}"):  # left by a killed run
            partial_file.unlink()
        write_text(marker, json.dumps(summary, indent=1) + "\n")
        head = f"{out}: {len(found)} images checked."
    journal.remove()
    if progress:
        print_summary(f"{head} {_format_sizes(summary)}", summary, known, title)
    return summary


def _single_sample(dataset: MultiTaskDataset, index: int) -> MultiTaskDataset:
    """The dataset with only one sample, which is quick to send to a process."""
    single = copy.copy(dataset)
    single.samples = [dataset.samples[index]]
    return single


def _version(
    dataset: MultiTaskDataset, sample: SampleFiles, extra_files: Callable[[SampleFiles], Iterable[Path]]
) -> str:
    files = (sample.img, *sample.labels.values(), *extra_files(sample))
    return f"{version_of(files, dataset.data_root)} {sample.intrinsics or ''} {_options(dataset)}"


def _options(dataset: MultiTaskDataset) -> dict[str, dict[str, Any]]:
    """How the labels are read, equal in every process."""
    return {
        task: {key: value for key, value in label.items() if not callable(value)}
        for task, label in dataset.labels.items()
    }


def _check_sample(dataset: MultiTaskDataset) -> dict[str, Any]:
    sample = dataset.read(0)
    arrays = {key: np.asarray(sample[key]) for key in ("semseg", "depth") if key in sample}
    found = image_statistics(sample["meta"]["label_paths"], **arrays)
    if "counts" in found:
        found["counts"] = found["counts"].tolist()
    return found | dict(size=list(sample["img"].shape[-2:]), intrinsics="intrinsics" in sample)


def _summarize(found: list[dict[str, Any]], datasets: Mapping[str, MultiTaskDataset]) -> dict[str, Any]:
    first = next(iter(datasets.values()))
    splits = {split: len(dataset) for split, dataset in datasets.items()}
    sizes = Counter(f"{height} x {width}" for height, width in (image["size"] for image in found))
    return summarize(found, splits, first.metainfo["classes"], first.tasks) | dict(
        sizes=dict(sorted(sizes.items())), intrinsics=sum(image["intrinsics"] for image in found)
    )


def _read_summary(marker: Path, identity: dict[str, Any]) -> dict[str, Any] | None:
    if not marker.is_file():
        return None
    try:
        summary = read_json(marker)
    except ValueError:
        return None
    return summary if all(summary.get(key) == value for key, value in identity.items()) else None


def _format_sizes(summary: Mapping[str, Any]) -> str:
    return f"Sizes: {shorten(list(summary['sizes']), 4)}. {summary['intrinsics']} images have intrinsics."
