import re
import signal
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from mmengine.runner import Runner

from mtl_plugins.datasets.reading_notes import ReadingNotes
from mtl_plugins.datasets.sample_cache import LESS_MEMORY
from mtl_plugins.files import WorkerKilledError
from mtl_plugins.stop_signals import ignore_dead_workers

_DIED = re.compile(r"DataLoader worker \(pid(?:\(s\))? ([\d, ]+)\)")
_HOW = re.compile(r"killed by signal: ([A-Za-z ]+)|with (exit code \d+)")
_LATEST_REPORT, _INTERVAL = 5.0, 0.05  # seconds
_LESS_MEMORY = f"Usually the memory ran out: {LESS_MEMORY}"
_LESS_SHARED_MEMORY = (
    "Usually the shared memory (/dev/shm) is full: lower num_workers, batch_size or prefetch_factor of the dataloader, "
    "or give a container more (docker run --shm-size)."
)
_LEAVE_OUT = "A library crashed while it read or augmented this sample: create its files again, or leave it out."
_ADVICE = {
    "Killed": _LESS_MEMORY,
    "Bus error": _LESS_SHARED_MEMORY,
    "Segmentation fault": _LEAVE_OUT,
    "Aborted": _LEAVE_OUT,
    "Illegal instruction": _LEAVE_OUT,
    "Floating point exception": _LEAVE_OUT,
}


@contextmanager
def explain_worker_death(runner: Runner) -> Iterator[None]:
    """Raise a `WorkerKilledError` with one sentence if a worker process of a data loader dies in this context.

    Args:
        runner: Its loops' loaders were prepared by `watch_workers`.
    """
    try:
        yield
    except (RuntimeError, ConnectionError, EOFError) as error:
        loops = (getattr(runner, f"_{name}_loop", None) for name in ("train", "val", "test"))
        loaders: list[Any] = [getattr(loop, "dataloader", None) for loop in loops]
        notes = [loader.reading_notes for loader in loaders if hasattr(loader, "reading_notes")]
        message = worker_death_message(error if isinstance(error, RuntimeError) else _late_report(error), notes)
        if message is None:
            raise
        ignore_dead_workers()  # PyTorch's handler would raise the error again and again
        raise WorkerKilledError(message) from error


def _late_report(error: Exception) -> BaseException:
    """The report of a dead worker, which may come shortly after its connection was lost; else the same error."""
    workers = {worker.pid: worker for worker in _workers(error.__traceback__)}
    end = time.monotonic() + _LATEST_REPORT
    try:
        while workers and time.monotonic() < end:
            dead = [str(number) for number, worker in workers.items() if worker.exitcode]
            if dead:
                report = RuntimeError(f"DataLoader worker (pid(s) {', '.join(dead)}) exited unexpectedly")
                report.__cause__ = error
                return report
            time.sleep(_INTERVAL)
    except RuntimeError as report:  # by PyTorch's handler of SIGCHLD
        return report
    return error


def worker_death_message(error: BaseException, notes: Iterable[ReadingNotes]) -> str | None:
    """One sentence about a dead worker, or None for other errors.

    Args:
        error: An error that PyTorch's data loader may have raised.
        notes: What the workers have noted.
    """
    texts = [str(link) for link in _chain(error)]
    died = next((found for found in map(_DIED.search, texts) if found), None)
    if died is None:
        return None
    codes = (code for link in _chain(error) for code in _exit_codes(link.__traceback__))
    ended = (signal.strsignal(-code) if code < 0 else f"exit code {code}" for code in codes)
    how = next((found[1] or found[2] for found in map(_HOW.search, texts) if found), None) or next(ended, None) or ""
    how = how.strip()
    processes = [int(number) for number in died[1].split(",")]
    read = [note for process in processes for one in notes if (note := one.note_of(process))]
    while_reading = f" while it read {', '.join(read)}" if read else ""
    advice = _ADVICE.get(how, f"{_LESS_MEMORY} With num_workers=0 an error in the code is shown.")
    return f"a worker process of the dataloader died{f' ({how})' if how else ''}{while_reading}. {advice}"


def _exit_codes(traceback: Any) -> Iterator[int]:
    """The exit codes, other than 0, of the workers of the loaders in a traceback; PyTorch's message may omit them."""
    return (worker.exitcode for worker in _workers(traceback) if worker.exitcode)


def _workers(traceback: Any) -> Iterator[Any]:
    """The worker processes of the loaders in a traceback."""
    while traceback is not None:
        for worker in getattr(traceback.tb_frame.f_locals.get("self"), "_workers", None) or ():
            if hasattr(worker, "exitcode"):
                yield worker
        traceback = traceback.tb_next


def _chain(error: BaseException | None) -> Iterator[Any]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
