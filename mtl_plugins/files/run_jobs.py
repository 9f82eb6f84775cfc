"""Runs many small jobs in parallel with a progress bar."""

import contextlib
import gc
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from itertools import islice
from multiprocessing import get_context, parent_process
from multiprocessing.context import BaseContext
from threading import Thread
from typing import TypeVar

from .progress_bar import progress_bar

Job = TypeVar("Job")
Result = TypeVar("Result")
_QUEUED = 4  # jobs per worker that are submitted in advance; limits the memory for any number of jobs


class WorkerKilledError(RuntimeError):
    """A worker process was killed, usually because memory ran out."""


def run_jobs(
    function: Callable[[Job], Result],
    jobs: Sequence[Job],
    title: str,
    workers: int | None = None,
    show: bool = True,
    unit: str = "images",
    count: Callable[[Job], int] = lambda job: 1,
) -> list[Result]:
    """Compute `[function(job) for job in jobs]` in parallel, with a progress bar.

    If `function` raises an error, the running jobs are finished, no further jobs are started, and the error is raised.

    Args:
        function: A module-level function. To make a run resumable, let it return at once for finished jobs.
        jobs: The jobs.
        title: Title of the progress bar.
        workers: Number of processes; None for one per core.
        show: Whether to show the progress bar.
        unit: What the bar counts.
        count: How many units a job has.

    Raises:
        WorkerKilledError: A process was killed, for example because memory ran out.
    """
    workers = min(workers or os.cpu_count() or 1, max(len(jobs), 1))
    results: dict[int, Result] = {}
    done, total = 0, sum(map(count, jobs))
    with progress_bar(title, total, unit, show) as advance:
        try:
            for index, result in _run(function, jobs, workers):
                results[index] = result
                done += count(jobs[index])
                advance(count(jobs[index]))
        except BrokenProcessPool:
            raise WorkerKilledError(
                f"A process was killed (out of memory?) after {done} of {total} {unit}. Run the command again to "
                f"resume, perhaps with fewer than {workers} workers."
            ) from None
    return [results[index] for index in range(len(jobs))]


def _run(function: Callable[[Job], Result], jobs: Sequence[Job], workers: int) -> Iterator[tuple[int, Result]]:
    """(index, result) of each job, in the order of completion."""
    if workers == 1:
        yield from ((index, function(job)) for index, job in enumerate(jobs))
        return
    gc.freeze()  # otherwise the workers' garbage collection copies the shared memory
    pool = ProcessPoolExecutor(workers, process_context(), _exit_with_parent)
    with contextlib.ExitStack() as stack:
        stack.callback(gc.unfreeze)
        stack.callback(pool.shutdown, cancel_futures=True)
        queue = enumerate(jobs)
        running = {pool.submit(function, job): index for index, job in islice(queue, workers * _QUEUED)}
        while running:
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                index, result = running.pop(future), future.result()
                running |= {pool.submit(function, job): i for i, job in islice(queue, 1)}
                yield index, result


def process_context() -> BaseContext:
    """The multiprocessing context of worker processes."""
    # fork starts quickly and needs no importable main module; it is safe only on Linux
    return get_context("fork" if sys.platform == "linux" else "spawn")


def _exit_with_parent() -> None:
    """Let a worker exit when its parent is killed; otherwise it waits forever, or interferes with the next run."""

    def watch() -> None:
        if parent := parent_process():
            parent.join()
        os._exit(1)

    Thread(target=watch, daemon=True).start()
