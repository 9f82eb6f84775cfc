"""Files that are whole or absent: written under a temporary name, then renamed."""

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image

TEMPORARY = ".tmp"
_FULL = (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC), errno.EFBIG)
_WHY = {errno.EFBIG: "The largest file that is allowed here is too small (ulimit -f)"}
_PNG_END = b"IEND\xaeB`\x82"  # the last bytes of every PNG


def write_file(path: Path, fill: Callable[[BinaryIO], object]) -> None:
    """Have ``fill(file)`` write ``path``; its folder must be there.

    Raises:
        OSError: the disk is full (what is finished is kept), or the folder can't be written.
        whatever ``fill`` raises: nothing half-written is left.
    """
    temporary = path.with_name(f"{path.name}.{os.getpid()}{TEMPORARY}")
    try:
        with open(temporary, "wb") as file:
            fill(file)
        os.replace(temporary, path)
    except BaseException as error:
        temporary.unlink(missing_ok=True)
        if disk_is_full(error):
            raise OSError(
                error.errno,
                f"{_WHY.get(error.errno, 'The disk is full')}: {path} could not be written. Make room and run again; "
                "what is finished is kept",
            ) from None
        raise


def disk_is_full(error: BaseException) -> bool:
    """Whether it says that the disk, or one's share of it, is full."""
    return isinstance(error, OSError) and error.errno in _FULL


def write_text(path: Path, text: str) -> None:
    """Write a text file, UTF-8."""
    write_file(path, lambda file: file.write(text.encode()))


def write_png(path: Path, array: np.ndarray) -> None:
    """Write uint8 or uint16 (H, W), or uint8 (H, W, 3), as PNG: compressed a little, as reading is then fastest."""
    write_file(path, lambda file: Image.fromarray(array).save(file, "PNG", compress_level=1))


def png_is_whole(path: Path) -> bool:
    """Whether there is a PNG that goes on to its end: a power cut, or a full disk, can leave the beginning of one."""
    try:
        with open(path, "rb") as file:
            file.seek(-len(_PNG_END), os.SEEK_END)
            return file.read() == _PNG_END
    except OSError:  # not there, or shorter than that
        return False


def remove_temporaries(folder: Path) -> None:
    """Remove what killed runs left half-written in ``folder``."""
    for path in folder.glob(f"*{TEMPORARY}"):
        path.unlink(missing_ok=True)
