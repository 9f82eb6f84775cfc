"""Sets that are read as they lie: every file is opened once, and a marker tells what there is."""

import copy
import json
import os
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

from mtl_plugins.datasets import MultiTaskDataset, SampleFiles
from mtl_plugins.files import TEMPORARY_PREFIX, write_text

from .check_jobs import Check, Journal, digest, run_checks, version_of
from .dataset_summary import figures, report, summarize

VERSION = 1  # of the markers


def add_place_arguments(parser, what: str) -> None:
    """``--root``, ``--out`` and ``--workers``; ``what`` says what the root is."""
    parser.add_argument("--root", nargs="+", required=True, metavar="PATH", help=what)
    parser.add_argument("--out", metavar="DIR", help="where archives are unpacked and the summary goes")
    parser.add_argument("--workers", type=int, metavar="N", help="processes (default: one a core)")


def check_dataset(
    datasets: dict[str, MultiTaskDataset],
    out: str | Path,
    name: str,
    title: str,
    known: dict | None = None,
    workers: int | None = None,
    progress: bool = True,
    also: Callable[[SampleFiles], Iterable[Path]] = lambda sample: (),
    facts: dict | None = None,
) -> dict:
    """Read every sample of ``datasets`` in processes, and return what `summarize` says of them.

    ``<out>/<name>.json`` holds the same; where it is, all was well, and as long as no file changes its size and none is
    added or lost, nothing is opened again. A run that was killed goes on where it stopped (``<name>.checked.jsonl``).

    Args:
        datasets: {split: dataset without pipeline}.
        out: folder of the marker.
        known: numbers of the complete official set, see `differences`.
        also: further files that a sample is read from.
        facts: what else the marker shall hold.

    Raises:
        DataError: files that are not right: how many, and what is wrong with the first of them.
        OSError: ``out`` can't be written, or the disk is full.
    """
    out = Path(out).expanduser()
    out.mkdir(parents=True, exist_ok=True)
    if not os.access(out, os.W_OK):
        raise PermissionError(f"{out} can't be written, but {name}.json belongs there: give another folder with --out.")
    marker, journal = out / f"{name}.json", Journal(out / f"{name}.checked.jsonl")
    checks = [
        Check(_alone(dataset, index), f"{split} {_version(dataset, sample, also)}")
        for split, dataset in datasets.items()
        for index, sample in enumerate(dataset.samples)
    ]
    identity = dict(version=VERSION, files=digest(checks)) | (facts or {})
    summary = _finished(marker, identity)
    head = f"{out}: complete already."
    if summary is None:
        marker.unlink(missing_ok=True)
        found = run_checks(_check_sample, checks, journal, title, workers, progress)
        summary = identity | _summary(found, datasets)
        for left in out.glob(f"{TEMPORARY_PREFIX}*-{marker.name}"):  # by a run that was killed
            left.unlink()
        write_text(marker, json.dumps(summary, indent=1) + "\n")
        head = f"{out}: {len(found)} images checked."
    journal.remove()
    if progress:
        report(f"{head} {_sizes(summary)}", summary, known, title)
    return summary


def _alone(dataset, index):
    """The dataset with one sample, which travels quickly."""
    alone = copy.copy(dataset)
    alone.samples = [dataset.samples[index]]
    return alone


def _version(dataset, sample, also):
    files = (sample.img, *sample.labels.values(), *also(sample))
    return f"{version_of(files, dataset.data_root)} {sample.intrinsics or ''} {_options(dataset)}"


def _options(dataset):
    """How the labels are read, in words that are the same in every process."""
    return {
        task: {key: value for key, value in label.items() if not callable(value)}
        for task, label in dataset.labels.items()
    }


def _check_sample(dataset):
    sample = dataset.read(0)
    arrays = {key: np.asarray(sample[key]) for key in ("semseg", "depth") if key in sample}
    found = figures(sample["meta"]["label_paths"], **arrays)
    if "counts" in found:
        found["counts"] = found["counts"].tolist()
    return found | dict(size=list(sample["img"].shape[-2:]), intrinsics="intrinsics" in sample)


def _summary(found, datasets):
    first = next(iter(datasets.values()))
    splits = {split: len(dataset) for split, dataset in datasets.items()}
    sizes = Counter(f"{height} x {width}" for height, width in (image["size"] for image in found))
    return summarize(found, splits, first.metainfo["classes"], first.tasks) | dict(
        sizes=dict(sorted(sizes.items())), intrinsics=sum(image["intrinsics"] for image in found)
    )


def _finished(marker, identity):
    if not marker.is_file():
        return None
    try:
        held = json.loads(marker.read_text())
    except ValueError:
        return None
    return held if all(held.get(key) == value for key, value in identity.items()) else None


def _sizes(summary):
    sizes = list(summary["sizes"])
    shown = ", ".join(sizes[:4]) + (f" and {len(sizes) - 4} more" if len(sizes) > 4 else "")
    return f"Sizes: {shown}. Intrinsics of {summary['intrinsics']} images."
