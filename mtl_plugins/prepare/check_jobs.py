"""Checks many files in parallel, remembers the results, and reports all faults at once."""

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from mtl_plugins.datasets import DataError
from mtl_plugins.files import run_jobs

from .journal import Journal

_SHOWN = 5  # faults


class Check(NamedTuple):
    """One job."""

    job: Any
    key: str  # identifies the version of the job's files


def version_of(files: Iterable[Path], root: Path) -> str:
    """A key for `Check`: the paths of the files below `root`, and their sizes."""
    return " ".join(f"{os.path.relpath(path, root)}:{path.stat().st_size}" for path in files)


def digest(checks: Iterable[Check]) -> str:
    """A checksum of all keys; it changes if a file is added or removed or changes its size."""
    total = hashlib.sha256()
    for check in checks:
        total.update(f"{check.key}\n".encode())
    return total.hexdigest()


def run_checks(
    function: Callable[[Any], Any],
    checks: Sequence[Check],
    journal: Journal,
    title: str,
    workers: int | None = None,
    show: bool = True,
    unit: str = "images",
    count: Callable[[Any], int] = lambda job: 1,
    what: str | None = None,
) -> list[Any]:
    """Compute `[function(check.job) for check in checks]` with `run_jobs`, except for results in the journal.

    Args:
        function: A module-level function with a JSON result. It raises `DataError` or `FileNotFoundError` for invalid
            files; the other jobs run nevertheless.
        checks: The jobs.
        journal: Results of earlier runs; new results are added.
        title: Title of the progress bar and of messages.
        workers: Number of processes; None for one per core.
        show: Whether to show a progress bar.
        unit: What the bar counts.
        count: How many units a job has.
        what: What a job is called in messages; by default the unit.

    Raises:
        DataError: Files are invalid: how many, and what is wrong with the first ones. The next run checks only them.
    """
    known = journal.read()
    jobs = [(function, check, journal, known.get(check.key)) for check in checks]
    results = run_jobs(_check, jobs, title, workers, show, unit, count=lambda job: count(job[1].job))
    faults = [result.text for result in results if isinstance(result, _Fault)]
    if faults:
        more = f"\n  … and {len(faults) - _SHOWN} more" if len(faults) > _SHOWN else ""
        shown = "".join(f"\n  {text}" for text in faults[:_SHOWN])
        raise DataError(
            f"{title}: {len(faults)} of {len(checks)} {what or unit} are invalid:{shown}{more}\n"
            "Fix them and run the command again: it checks only them."
        )
    return results


class _Fault(NamedTuple):
    text: str


def _check(job: tuple[Callable[[Any], Any], Check, Journal, Any]) -> Any:
    function, check, journal, known = job
    if known is not None:
        return known
    try:
        result = json.loads(json.dumps(function(check.job)))  # lists for tuples, as when it is read from the journal
    except (DataError, FileNotFoundError) as error:
        return _Fault(str(error))
    journal.add(check.key, result)
    return result
