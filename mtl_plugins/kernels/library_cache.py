"""The cache of compiled code: a file is used only if nobody but this user can have written it, and it is undamaged."""

import hashlib
import os
import stat
from pathlib import Path

from mtl_plugins.files import write_file

_WRITABLE_BY_OTHERS = stat.S_IWGRP | stat.S_IWOTH
_PRIVATE = 0o700
_DIGEST = hashlib.sha256


def private_folder() -> Path:
    """The cache folder, created if necessary: `$XDG_CACHE_HOME/mtl_plugins`, or `~/.cache/mtl_plugins`.

    Raises:
        RuntimeError: The folder cannot be created, or other users can write to it.
    """
    parent = Path(os.environ.get("XDG_CACHE_HOME", ""))
    try:
        if not parent.is_absolute():  # the standard for XDG_CACHE_HOME ignores relative paths
            parent = Path.home() / ".cache"
    except RuntimeError:
        raise RuntimeError("the home directory is unknown; set XDG_CACHE_HOME to a writable folder.") from None
    folder = parent / "mtl_plugins"
    try:
        folder.mkdir(_PRIVATE, parents=True, exist_ok=True)
        found = folder.stat()
        if found.st_mode & _WRITABLE_BY_OTHERS and found.st_uid == _user() and not folder.is_symlink():
            folder.chmod(_PRIVATE)  # created by an earlier version with a lax umask
            found = folder.stat()
    except OSError as error:
        raise RuntimeError(
            f"cannot create the cache folder {folder} ({error.strerror}); set XDG_CACHE_HOME."
        ) from error
    if fault := _fault(found):
        raise RuntimeError(f"the cache folder {folder} {fault}; set XDG_CACHE_HOME to a folder of your own.")
    return folder


def read_trusted(path: Path) -> bytes | None:
    """The content that `store` wrote to a file of `private_folder`, or None if the file must not be used.

    That is a file that is missing, damaged, a link, of another owner, or writable by other users.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
    except OSError:
        return None
    with open(descriptor, "rb") as file:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode) or _fault(found):
            return None
        try:
            data = file.read()
        except OSError:
            return None
    content, digest = data[: -_DIGEST().digest_size], data[-_DIGEST().digest_size :]
    return content if _DIGEST(content).digest() == digest else None


def store(path: Path, content: bytes) -> None:
    """Write a file and its digest at once, readable only by this user.

    The digest follows the content in the same file, so that no reader sees one without the other. Loaders of shared
    libraries ignore it.

    Raises:
        OSError: The disk is full or the folder is not writable.
    """
    write_file(path, lambda file: file.write(content + _DIGEST(content).digest()), private=True)


def _fault(found: os.stat_result) -> str | None:
    """Why other users may have changed a file or folder."""
    if found.st_uid not in (_user(), 0):
        return f"belongs to another user (uid {found.st_uid})"
    return "is writable by other users" if found.st_mode & _WRITABLE_BY_OTHERS and os.name == "posix" else None


def _user() -> int:
    return os.getuid() if hasattr(os, "getuid") else 0  # Windows reports uid 0 for every file
