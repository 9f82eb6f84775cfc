import errno
import os
import stat
from pathlib import Path


def read_regular_file(path: str | Path, limit: int | None = None) -> bytes:
    """Read a file completely; never waits for another program, as opening a named pipe does.

    Args:
        path: The file.
        limit: The largest allowed size in bytes.

    Raises:
        OSError: The file is missing or unreadable, is a folder, a pipe or a device, or is larger than `limit`.
    """
    with open(path, "rb", opener=_open_without_waiting) as file:
        found = os.fstat(file.fileno())
        if not stat.S_ISREG(found.st_mode):
            raise OSError(errno.EINVAL, "not a regular file", str(path))
        if limit is not None and found.st_size > limit:
            raise OSError(errno.EFBIG, f"larger than {limit:,} bytes", str(path))
        return file.read()


def _open_without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))
