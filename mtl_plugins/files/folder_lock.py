"""A lock on a folder, so that two processes do not mix their files in it."""

import errno
import json
import os
import shlex
import socket
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

LOCK_NAME = ".in-use.json"
_REFRESH = 10.0  # seconds between two signs of life of the holder
_STALE = 60.0  # seconds without a sign of life after which a process on another host is taken for dead
_WAIT = 25.0  # seconds to wait for a sign of life of a process on another host whose last one is more recent
_BUSY = {errno.EACCES, errno.EAGAIN}
_held: dict[Path, int] = {}  # a process that has a lock gets it again, as POSIX locks belong to processes


class FolderInUseError(ValueError):
    """Another process writes to the folder."""


class FolderLock:
    """Marks a folder as in use by this process; another process that tries the same gets `FolderInUseError`.

    The file `.in-use.json` in the folder names the holder: host, process, start and command. It is locked (POSIX
    `lockf`), so the lock ends with the process, also after `kill -9`. Not all file systems lock files between hosts, so
    the holder also refreshes the file's time. A holder on another host that has stopped to do so is taken for dead, and
    so is an earlier run of the same Slurm job. `acquire` never waits for the holder to end. If the folder cannot be
    locked, for example because it is read-only, it only warns.

    Args:
        folder: The folder; `acquire` creates it.
        activity: What the holder does, for messages, such as "training".
        report: Receives a sentence about a stale lock or a folder that cannot be locked. Default: prints it.
    """

    def __init__(self, folder: str | Path, activity: str, report: Callable[[str], object] = print) -> None:
        self.path = Path(folder).absolute() / LOCK_NAME
        self.activity, self.report = activity, report
        self._descriptor: int | None = None
        self._released = threading.Event()
        self._counted = False

    def __enter__(self) -> "FolderLock":
        self.acquire()
        return self

    def __exit__(self, *error: object) -> None:
        self.release()

    def acquire(self) -> None:
        """Take the lock.

        Raises:
            FolderInUseError: Another process has it.
        """
        if self.path in _held:
            self._count()
            return
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = self._open()
        except OSError as error:
            self.report(f"{self.path.parent} cannot be locked ({error.strerror}): do not use it twice at a time.")
            return
        try:
            self._require_unused(descriptor)
            os.truncate(descriptor, 0)
            os.pwrite(descriptor, json.dumps(_this_process(self.activity)).encode(), 0)
        except FolderInUseError:
            os.close(descriptor)
            raise
        except OSError as error:
            os.close(descriptor)
            self.report(f"{self.path} cannot be written ({error.strerror}): do not use the folder twice at a time.")
            return
        self._descriptor = descriptor
        self._count()
        self._released.clear()
        threading.Thread(target=self._refresh, args=(os.getpid(),), name="folder lock", daemon=True).start()

    def release(self) -> None:
        """Give the lock back and remove its file."""
        if self._counted:
            self._counted = False
            _held[self.path] -= 1
            if _held[self.path] == 0:
                del _held[self.path]
        if self._descriptor is None:
            return
        self._released.set()
        with suppress(OSError):
            self.path.unlink()
        os.close(self._descriptor)
        self._descriptor = None

    def _count(self) -> None:
        _held[self.path] = _held.get(self.path, 0) + 1
        self._counted = True

    def _open(self) -> int:
        """Open the file and lock it, if the file system can; another process may remove it in between."""
        while True:
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o666)
            try:
                if fcntl is not None:
                    fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if os.path.samestat(os.fstat(descriptor), os.stat(self.path)):
                    return descriptor
            except FileNotFoundError:
                pass
            except OSError as error:
                if error.errno in _BUSY:
                    holder = _read(descriptor)
                    os.close(descriptor)
                    raise self._in_use(holder) from None
                return descriptor  # a file system without locks: `_require_unused` looks for the holder
            os.close(descriptor)

    def _require_unused(self, descriptor: int) -> None:
        holder = _read(descriptor)
        if not holder:
            return
        here = os.name == "posix" and holder.get("host") == socket.gethostname()
        if _lives_here(holder) if here else self._lives_elsewhere(holder, descriptor):
            raise self._in_use(holder)
        self.report(f"Removed the lock of {_describe(holder)} on {self.path.parent}: that process has ended.")

    def _lives_elsewhere(self, holder: dict[str, Any], descriptor: int) -> bool:
        """Whether a process on another host still refreshes the file."""
        job = os.environ.get("SLURM_JOB_ID")
        if job is not None and holder.get("job") == job:
            return False  # this is the same job, started again
        seen = os.fstat(descriptor).st_mtime
        if time.time() - seen > _STALE:
            return False
        self.report(f"Waiting up to {_WAIT:g} s to see whether {_describe(holder)} still uses {self.path.parent}.")
        end = time.monotonic() + _WAIT
        while time.monotonic() < end:
            time.sleep(0.5)
            if fcntl is not None:
                with suppress(OSError):
                    fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)  # makes NFS read the time anew
            if os.fstat(descriptor).st_mtime != seen:
                return True
        return False

    def _in_use(self, holder: dict[str, Any]) -> FolderInUseError:
        return FolderInUseError(
            f"{self.path.parent} is in use by {_describe(holder)}. Wait until it ends, or use another folder."
        )

    def _refresh(self, process: int) -> None:
        while not self._released.wait(_REFRESH) and os.getpid() == process:
            with suppress(OSError):
                os.utime(self.path)


def _this_process(activity: str) -> dict[str, Any]:
    return dict(
        activity=activity,
        host=socket.gethostname(),
        process=os.getpid(),
        started=time.strftime("%Y-%m-%d %H:%M:%S"),
        birth=_birth(os.getpid()),
        job=os.environ.get("SLURM_JOB_ID"),
        command=shlex.join(sys.argv),
    )


def _birth(process: int) -> str | None:
    """What tells a process from an earlier one with the same number: the time of its start since the boot (Linux)."""
    try:
        status = Path(f"/proc/{process}/stat").read_text()
        return f"{Path('/proc/sys/kernel/random/boot_id').read_text().strip()} {status.rpartition(')')[2].split()[19]}"
    except (OSError, IndexError):
        return None


def _lives_here(holder: dict[str, Any]) -> bool:
    """Whether a process of this host still runs and is the one that took the lock."""
    process = holder.get("process")
    if not isinstance(process, int) or process <= 0 or process == os.getpid():
        return False
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:  # of another user
        pass
    birth = _birth(process)
    return birth is None or holder.get("birth") in (None, birth)


def _read(descriptor: int) -> dict[str, Any]:
    try:
        content = json.loads(os.pread(descriptor, 65536, 0))
    except (OSError, ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}


def _describe(holder: dict[str, Any]) -> str:
    what, where = holder.get("activity") or "another process", holder.get("host") or "an unknown host"
    text = f"{what} (process {holder.get('process', '?')} on {where}, started {holder.get('started', '?')}"
    return f"{text}: {holder['command']})" if holder.get("command") else f"{text})"
