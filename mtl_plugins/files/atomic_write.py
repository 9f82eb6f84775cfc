"""Files that are complete or absent: written under a temporary name, flushed to disk, then renamed."""

import errno
import io
import os
import secrets
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO, TypeGuard, cast

from mtl_plugins.stop_signals import removed_at_end

TEMPORARY_PREFIX = ".saving-"
_NAME_END = 40  # characters of the file's name that a temporary name repeats
_DISK_FULL = {errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC), errno.EFBIG}
_ADVICE = "Free some space and run the command again: finished files are kept"
_FAILED = "could not write"  # the start of a write error's message


def write_file(
    path: str | Path,
    fill: Callable[[BinaryIO], object],
    *,
    durable: bool = True,
    private: bool = False,
    advice: str = _ADVICE,
) -> None:
    """Let `fill(file)` write `path` atomically: a reader sees the old file or the complete new one.

    The parent folder is created if necessary.

    Args:
        path: The file to write.
        fill: Function that writes the content to a binary file object. The object has no `fileno`: libraries that
            write to the descriptor themselves, such as NumPy and PIL, overlook some errors of a full disk.
        durable: Whether to flush the file to disk before renaming it, so that it survives a power cut. Turn it off for
            many small files whose completeness is checked when they are read.
        private: Whether only this user may read the file.
        advice: What the user can do if the disk is full; the end of the error message.

    Raises:
        OSError: The disk is full or the folder is not writable. The old file, if any, is unchanged.

    Other exceptions raised by `fill` are propagated; no partial file remains.
    """
    path = Path(path)
    temporary = temporary_path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with removed_at_end(temporary):
            # "x": never through a link or into a file of another process
            with open(temporary, "x+b") as file:
                if private:
                    temporary.chmod(0o600)
                fill(cast(BinaryIO, _WithoutDescriptor(file)))
                if durable:
                    file.flush()
                    os.fsync(file.fileno())
            os.replace(temporary, path)
        if durable:
            _sync_folder(path.parent)
    except BaseException as error:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.errno is not None:  # without a number: raised by `fill`
            raise write_error(error, path, advice=advice) from error
        raise


def temporary_path(path: str | Path) -> Path:
    """The name under which `path` is written: in the same folder, and of no other process or thread.

    Process ids do not suffice, because they can be equal in different containers.
    """
    path = Path(path)
    end = path.name[-_NAME_END:]  # the complete name could exceed the file system's limit
    return path.with_name(f"{TEMPORARY_PREFIX}{os.getpid()}-{secrets.token_hex(4)}-{end}")


def write_bytes(path: str | Path, data: bytes, *, durable: bool = True, advice: str = _ADVICE) -> None:
    """Write `data` to `path` atomically; see `write_file`."""
    write_file(path, lambda file: file.write(data), durable=durable, advice=advice)


def write_text(path: str | Path, text: str, *, durable: bool = True, advice: str = _ADVICE) -> None:
    """Write a UTF-8 text file atomically; see `write_file`."""
    write_bytes(path, text.encode(), durable=durable, advice=advice)


def disk_is_full(error: BaseException) -> TypeGuard[OSError]:
    """Whether an exception means that the disk, a quota or the file size limit is exhausted."""
    return isinstance(error, OSError) and error.errno in _DISK_FULL


def write_error(error: OSError, path: str | Path, *, what: str = "", advice: str = _ADVICE) -> OSError:
    """The error to raise when writing `path` failed with `error`: what failed, why, and how to fix it.

    Args:
        error: The original error.
        path: The file or folder that could not be written.
        what: What could not be written, if it is more than `path`.
        advice: What the user can do if the disk is full.
    """
    path = Path(path)
    if error.errno == errno.EFBIG:
        reason = "the file is larger than the system allows"
        advice = "Raise the limit (ulimit -f), or write to another disk"
    elif disk_is_full(error):
        reason = f"the disk is full, {free_space(path) / 1e6:.1f} MB are free"
    else:
        reason = error.strerror or str(error)
        advice = "Check that the folder exists and is writable"
    return OSError(error.errno, f"{_FAILED} {what or path}: {reason}. {advice}")


def is_write_error(error: BaseException) -> bool:
    """Whether an exception is one that `write_error` returned, so that its message is complete."""
    return isinstance(error, OSError) and str(error.strerror).startswith(_FAILED)


def free_space(path: str | Path) -> int:
    """Free bytes on the disk of a file or folder, which need not exist yet."""
    path = Path(path).absolute()
    return next((shutil.disk_usage(folder).free for folder in (path, *path.parents) if folder.exists()), 0)


def remove_temporaries(folder: str | Path) -> list[str]:
    """Remove partial files that killed processes left in `folder`; returns their names. Links and folders stay."""
    found = sorted(Path(folder).glob(f"{TEMPORARY_PREFIX}*"))
    stale = [path for path in found if path.is_file() and not path.is_symlink()]
    for path in stale:
        path.unlink(missing_ok=True)
    return [path.name for path in stale]


def flush_to_disk(path: str | Path) -> None:
    """Flush a file that another library wrote, so that it survives a power cut; a full disk raises `OSError`."""
    with open(path, "r+b") as file:
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    """Make the rename itself survive a power cut; only POSIX can open folders."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    with suppress(OSError):  # a folder without read permission; some network file systems cannot sync folders
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


class _WithoutDescriptor(io.BufferedIOBase):
    """A file whose content can only be written by Python, which reports all errors."""

    def __init__(self, file: BinaryIO):
        self._file = file

    def readable(self) -> bool:
        return True

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def read(self, size: int | None = -1) -> bytes:
        return self._file.read(-1 if size is None else size)

    def write(self, data: Any) -> int:
        return self._file.write(data)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self._file.seek(offset, whence)

    def truncate(self, size: int | None = None) -> int:
        return self._file.truncate(size)

    def flush(self) -> None:
        if not self._file.closed:
            self._file.flush()
