"""Opening many files to see that all is well: in processes, remembered, with all faults told at once."""

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from mtl_plugins.datasets.data_error import DataError
from mtl_plugins.files import run_jobs

_SHOWN = 5  # faults


class Check(NamedTuple):
    """One job: what to look at, and which version of the files that is."""

    job: object
    key: str


class Journal:
    """Results of single jobs, kept in a file as soon as each is there, so that a run that was killed goes on.

    Args:
        path: the file; a line a result. Lines that a kill cut off are passed over.
    """

    def __init__(self, path: Path):
        self.path = path

    def read(self) -> dict[str, object]:
        """{key: result} of earlier runs."""
        found = {}
        for line in self.path.read_text(errors="replace").splitlines() if self.path.is_file() else ():
            try:
                key, result = json.loads(line)
            except ValueError:
                continue
            found[key] = result
        return found

    def add(self, key: str, result: object) -> None:
        """Any process may call it at any time: a line is one write to the file's end."""
        # begun on a new line, in case the last one was cut off
        with open(self.path, "ab", buffering=0) as file:
            file.write(f"\n{json.dumps([key, result])}\n".encode())

    def remove(self) -> None:
        self.path.unlink(missing_ok=True)


def version_of(files: Iterable[Path], root: Path) -> str:
    """A key for `Check`: the names of the files below ``root``, and their sizes."""
    return " ".join(f"{os.path.relpath(path, root)}:{path.stat().st_size}" for path in files)


def digest(checks: Iterable[Check]) -> str:
    """One checksum of all keys: it changes as soon as a file is added, lost or of another size."""
    total = hashlib.sha256()
    for check in checks:
        total.update(f"{check.key}\n".encode())
    return total.hexdigest()


def run_checks(
    function: Callable,
    checks: Sequence[Check],
    journal: Journal,
    title: str,
    workers: int | None = None,
    show: bool = True,
    unit: str = "images",
    count: Callable[[object], int] = lambda job: 1,
    what: str | None = None,
) -> list:
    """``[function(check.job) for check in checks]`` by `run_jobs`, going on where the journal ends.

    Args:
        unit, count: what the bar counts, and how many of them a job is.
        what: the name of a check for messages; the unit by default.
        function: a module's own; its result can be told as JSON. For files that are not right it raises DataError or
            FileNotFoundError; the others are looked at all the same.

    Raises:
        DataError: files are not right: how many, and what is wrong with the first ones. They alone are looked at again
            by the next run.
    """
    known = journal.read()
    jobs = [(function, check, journal, known.get(check.key)) for check in checks]
    results = run_jobs(_check, jobs, title, workers, show, unit, count=lambda job: count(job[1].job))
    faults = [result.text for result in results if isinstance(result, _Fault)]
    if faults:
        more = f"\n  … and {len(faults) - _SHOWN} more" if len(faults) > _SHOWN else ""
        shown = "".join(f"\n  {text}" for text in faults[:_SHOWN])
        raise DataError(
            f"{title}: {len(faults)} of {len(checks)} {what or unit} are not right:{shown}{more}\n"
            "Mend them and run again: they alone are looked at then."
        )
    return results


class _Fault(NamedTuple):
    text: str


def _check(job):
    function, check, journal, known = job
    if known is not None:
        return known
    try:
        result = json.loads(json.dumps(function(check.job)))  # as it comes back from the journal: lists for tuples
    except (DataError, FileNotFoundError) as error:
        return _Fault(str(error))
    journal.add(check.key, result)
    return result
