"""Signals that ask a process to end: SIGTERM, SIGHUP, SIGUSR1 and Ctrl-C (SIGINT)."""

import multiprocessing
import os
import select
import shutil
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

SIGNALS = ("SIGTERM", "SIGHUP", "SIGUSR1", "SIGINT")
_LAUNCHER_REPEATS = 5.0  # torchrun forwards a signal that its processes have received from the terminal or from Slurm
_STOP = b"\0"  # no signal has the number 0


class Interrupted(KeyboardInterrupt):
    """A signal asked the process to end; `number` is the signal's number."""

    def __init__(self, number: int) -> None:
        super().__init__(f"{signal.Signals(number).name} received")
        self.number = number


class Preempted(SystemExit):
    """A training ended because of a signal; the exit code is 128 + the number of the signal.

    `checkpoint` is the file from which the training can be resumed, or None.
    """

    def __init__(self, number: int, checkpoint: str | None = None) -> None:
        super().__init__(exit_code(number))
        self.number, self.checkpoint = number, checkpoint


def exit_code(number: int) -> int:
    """The exit code of a process that a signal has ended, as shells report it: 143 for SIGTERM, 130 for Ctrl-C."""
    return 128 + number


def name_of(number: int) -> str:
    """How messages name a signal."""
    return "Ctrl-C" if number == signal.SIGINT else signal.Signals(number).name


def print_error(message: str) -> None:
    """Print a line to stderr, also from a thread while the main thread is printing."""
    with suppress(OSError):
        os.write(2, f"{message}\n".encode(errors="replace"))


def ignore_dead_workers() -> None:
    """Remove the data loader's handler of SIGCHLD, which raises an error for each worker that has died."""
    if hasattr(signal, "SIGCHLD") and threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)


_temporaries: set[str] = set()


@contextmanager
def removed_at_end(path: str | os.PathLike) -> Iterator[None]:
    """Within this context, `end_process` removes the file or folder `path`, which is only temporary."""
    _temporaries.add(os.fspath(path))
    try:
        yield
    finally:
        _temporaries.discard(os.fspath(path))


def end_process(code: int, message: str = "") -> None:
    """End the process at once, together with its worker processes, and remove its temporary files.

    Args:
        code: The exit code.
        message: A line for stderr.
    """
    if message:
        print_error(message)
    workers = multiprocessing.active_children()
    if workers:
        ignore_dead_workers()
    for process in workers:
        with suppress(OSError, ValueError, AttributeError):
            process.kill()
            process.join(1)
    for path in list(_temporaries):
        if os.path.isdir(path):
            shutil.rmtree(path, ignore_errors=True)
        with suppress(OSError):
            os.unlink(path)
    os._exit(code)


class StopSignals:
    """Calls a function when the first signal arrives that asks the process to end; a second one ends it at once.

    A thread receives the signals too. It ends the process if the main thread does not react, for example because it
    waits for another process. Signals that were ignored, such as the SIGHUP of `nohup`, remain ignored. Forked worker
    processes ignore all of these signals except SIGTERM, so that a Ctrl-C reaches only the main process. Outside the
    main thread, `install` does nothing, because Python only handles signals there.

    Args:
        first: Called in the main thread with the number of the first signal; it may raise an exception.
        patience: Seconds after which `expired` is called; None for no limit.
        expired: Called in the thread when `patience` has passed. It may return a number of seconds to wait longer.
        names: Names of the signals.
    """

    def __init__(
        self,
        first: Callable[[int], None],
        patience: float | None = None,
        expired: Callable[[int], float | None] | None = None,
        names: Sequence[str] = SIGNALS,
    ) -> None:
        self.received: int | None = None
        self._first, self._patience, self._expired = first, patience, expired
        self._numbers = [getattr(signal, name) for name in names if hasattr(signal, name)]
        self._previous: dict[int, Any] = {}
        self._pid = os.getpid()
        self._received_at = 0.0
        self._previous_fd = -1
        self._pipe: tuple[int, int] | None = None
        self._thread: threading.Thread | None = None

    def __enter__(self) -> "StopSignals":
        self.install()
        return self

    def __exit__(self, *error: object) -> None:
        self.restore()

    def install(self) -> None:
        """Start to handle the signals."""
        if threading.current_thread() is not threading.main_thread() or self._previous:
            return
        self._pid = os.getpid()
        for number in self._numbers:
            if signal.getsignal(number) not in (signal.SIG_IGN, None):
                self._previous[number] = signal.signal(number, self._handle)
        self._start_thread()

    def restore(self) -> None:
        """Give the signals back to those who handled them before."""
        if not self._previous or os.getpid() != self._pid:
            return
        for number, handler in self._previous.items():
            signal.signal(number, handler)
        self._previous = {}
        self._stop_thread()

    def _handle(self, number: int, frame: object) -> None:
        if os.getpid() != self._pid:  # a forked worker process
            if number == signal.SIGTERM:
                os._exit(exit_code(number))
            return
        if self.received is None:
            self.received, self._received_at = number, time.monotonic()
            self._first(number)
        elif self._is_second(time.monotonic()):
            self._end_at_once(number)

    def _is_second(self, now: float) -> bool:
        repeats = _LAUNCHER_REPEATS if "TORCHELASTIC_RUN_ID" in os.environ else 0.0
        return now - self._received_at >= repeats

    def _end_at_once(self, number: int) -> None:
        end_process(exit_code(number), f"{name_of(number)} received again: ended at once.")

    def _start_thread(self) -> None:
        if os.name != "posix":
            return
        read, write = os.pipe()
        os.set_blocking(write, False)
        self._previous_fd = signal.set_wakeup_fd(write, warn_on_full_buffer=False)
        self._pipe = (read, write)
        os.register_at_fork(after_in_child=self._leave_pipe)
        self._thread = threading.Thread(target=self._watch, args=(read,), name="stop signals", daemon=True)
        self._thread.start()

    def _stop_thread(self) -> None:
        if self._pipe is None or self._thread is None:
            return
        try:
            signal.set_wakeup_fd(self._previous_fd, warn_on_full_buffer=False)
        except (OSError, ValueError):  # inherited from another process, and closed since
            signal.set_wakeup_fd(-1)
        read, write = self._pipe
        self._pipe = None
        os.write(write, _STOP)
        self._thread.join()
        os.close(read)
        os.close(write)

    def _leave_pipe(self) -> None:
        """In a forked process: do not report its signals to the process from which it was forked."""
        if self._pipe is not None:
            signal.set_wakeup_fd(-1)

    def _watch(self, read: int) -> None:
        """Wait for signals while the main thread may be unable to handle them."""
        first: int | None = None
        deadline: float | None = None
        while True:
            timeout = None if deadline is None else max(deadline - time.monotonic(), 0.0)
            ready, _, _ = select.select([read], [], [], timeout)
            if not ready and first is not None:
                more = self._expired(first) if self._expired else None
                if more is None:
                    end_process(exit_code(first), f"{name_of(first)} received: the process did not stop; ended.")
                deadline = time.monotonic() + (more or 0.0)
                continue
            for byte in os.read(read, 64):
                if not byte:
                    return
                if byte not in self._previous:
                    continue
                if first is None:
                    first = byte
                    deadline = None if self._patience is None else time.monotonic() + self._patience
                    self._received_at = self._received_at or time.monotonic()
                elif self._is_second(time.monotonic()):
                    time.sleep(0.5)  # the main thread ends the process if it can
                    self._end_at_once(byte)
