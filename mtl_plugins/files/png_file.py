"""Writing PNG files, and checking that one is complete."""

import os
from pathlib import Path

import numpy as np
from PIL import Image

from .atomic_write import write_file

_PNG_END = b"IEND\xaeB`\x82"  # the last bytes of every PNG


def write_png(path: str | Path, array: np.ndarray) -> None:
    """Write a PNG atomically, with light compression because that is fastest to read.

    Files are not flushed to disk one by one (`durable=False`): `png_is_complete` detects those that a power cut
    truncated.

    Args:
        path: The file to write.
        array: uint8 or uint16 of shape (H, W), or uint8 of shape (H, W, 3).
    """
    write_file(path, lambda file: Image.fromarray(array).save(file, "PNG", compress_level=1), durable=False)


def png_is_complete(path: str | Path) -> bool:
    """Whether a PNG exists and has its end: a power cut or a full disk can leave only the beginning."""
    try:
        with open(path, "rb") as file:
            file.seek(-len(_PNG_END), os.SEEK_END)
            return file.read() == _PNG_END
    except OSError:  # missing, or too short
        return False
