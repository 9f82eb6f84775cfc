"""Files that are whole or absent, whenever the process is killed."""

import errno
import os
import shutil
from contextlib import suppress
from pathlib import Path

from mmengine.fileio import LocalBackend, register_backend

ATOMIC_BACKEND = "atomic_local"
_TEMPORARY = ".saving-"
_FULL = {errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)}


@register_backend(ATOMIC_BACKEND)
class AtomicLocalBackend(LocalBackend):
    """mmengine's local backend, which writes to a temporary name, flushes to disk and then renames.

    A reader sees the old file or the new one, never a part. Select it with ``backend_args=dict(backend=
    'atomic_local')``. A failure (disk full, no permission) raises OSError and leaves the old file as it was.
    """

    def put(self, obj, filepath):
        """Write the bytes ``obj`` to ``filepath``; makes its folder."""
        path = Path(filepath)
        temporary = path.with_name(f"{_TEMPORARY}{os.getpid()}-{path.name}")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with open(temporary, "wb") as file:
                file.write(obj)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
            _sync_folder(path.parent)
        except OSError as error:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)
            raise _explained(error, path, len(obj)) from error

    def put_text(self, obj, filepath, encoding="utf-8"):
        """Write the string ``obj`` to ``filepath``."""
        self.put(obj.encode(encoding), filepath)


def remove_temporaries(folder):
    """Remove what killed runs left half-written in ``folder``; returns the names."""
    stale = sorted(Path(folder).glob(f"{_TEMPORARY}*"))
    for path in stale:
        path.unlink(missing_ok=True)
    return [path.name for path in stale]


def _sync_folder(folder):
    """Have the rename itself survive a power cut; only POSIX opens folders."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    with suppress(OSError):  # some network file systems have no sync for folders
        os.fsync(descriptor)
    os.close(descriptor)


def _explained(error, path, size):
    reason = error.strerror or str(error)
    mend = "check that the folder exists and may be written"
    if error.errno in _FULL:
        free = next((shutil.disk_usage(p).free for p in path.parents if p.exists()), 0)
        reason = f"the disk is full: {size / 1e6:.1f} MB needed, {free / 1e6:.1f} MB free"
        mend = "make room (or train with fewer kept checkpoints: max_keep_ckpts) and go on with --resume"
    return OSError(
        error.errno,
        f"could not write {path}: {reason}. The last whole checkpoint is untouched; {mend}",
    )
