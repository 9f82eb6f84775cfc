from io import BytesIO
from pathlib import Path
from typing import Any

import torch
from torch.serialization import get_crc32_options, set_crc32_options

from mtl_plugins.files import seal, write_bytes


def write_checkpoint(path: str | Path, content: dict[str, Any]) -> None:
    """Write a checkpoint with a checksum atomically; `torch.load` reads it like any other.

    Raises:
        OSError: The file cannot be written.
    """
    write_bytes(path, checkpoint_bytes(content))


def checkpoint_bytes(content: dict[str, Any]) -> bytes:
    """The bytes of a checkpoint file with a checksum; see `files.seal`."""
    before = get_crc32_options()
    set_crc32_options(True)  # the checksum relies on them
    try:
        with BytesIO() as archive:
            torch.save(content, archive)
            seal(archive)
            return archive.getvalue()
    finally:
        set_crc32_options(before)
