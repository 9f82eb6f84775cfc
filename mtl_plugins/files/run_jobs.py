"""Many small jobs on all cores, with a bar, that can be interrupted and gone on with."""

import contextlib
import gc
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from itertools import islice
from multiprocessing import get_context, parent_process
from threading import Thread
from typing import TypeVar

from .progress_bar import progress_bar

Job = TypeVar("Job")
Result = TypeVar("Result")
_WAITING = 4  # jobs a worker that are handed over in advance: memory stays bounded whatever their number


def run_jobs(
    function: Callable[[Job], Result],
    jobs: Sequence[Job],
    title: str,
    workers: int | None = None,
    show: bool = True,
    unit: str = "images",
    count: Callable[[Job], int] = lambda job: 1,
) -> list[Result]:
    """``[function(job) for job in jobs]`` in ``workers`` processes (default: one a core), with a progress bar.

    ``function`` is a module's own function; a job that is finished already should return at once.

    Args:
        unit, count: what the bar counts, and how many of them a job is.

    Raises:
        RuntimeError: a process was killed (out of memory?).
        whatever ``function`` raises: the jobs that were under way are waited for, the others are not begun.
    """
    workers = min(workers or os.cpu_count() or 1, max(len(jobs), 1))
    results, done, total = {}, 0, sum(map(count, jobs))
    with progress_bar(title, total, unit, show) as advance:
        try:
            for index, result in _in_processes(function, jobs, workers):
                results[index] = result
                done += count(jobs[index])
                advance(count(jobs[index]))
        except BrokenProcessPool:
            raise RuntimeError(
                f"A process was killed (out of memory?) after {done} of {total} {unit}. Run again to go "
                f"on, perhaps with fewer workers than {workers}."
            ) from None
    return [results[index] for index in range(len(jobs))]


def _in_processes(function, jobs, workers) -> Iterator[tuple]:
    if workers == 1:
        yield from ((index, function(job)) for index, job in enumerate(jobs))
        return
    # fork starts at once and needs no importable main module; elsewhere than on Linux it is unsafe.
    context = get_context("fork" if sys.platform == "linux" else "spawn")
    gc.freeze()  # else the workers' garbage collection copies the memory that they share
    pool = ProcessPoolExecutor(workers, context, _die_with_parent)
    with contextlib.ExitStack() as stack:
        stack.callback(gc.unfreeze)
        stack.callback(pool.shutdown, cancel_futures=True)
        queue = enumerate(jobs)
        running = {pool.submit(function, job): index for index, job in islice(queue, workers * _WAITING)}
        while running:
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                index, result = running.pop(future), future.result()
                running |= {pool.submit(function, job): i for i, job in islice(queue, 1)}
                yield index, result


def _die_with_parent():
    """A worker whose parent was killed would wait for ever, or go on writing beside the next run."""

    def watch():
        parent_process().join()
        os._exit(1)

    Thread(target=watch, daemon=True).start()
