import os
from hashlib import blake2b
from pathlib import Path
from urllib.parse import urlsplit

import torch

from mtl_plugins.files import download

from ..on_main_process import on_main_process


def is_address(path: object) -> bool:
    """Whether a checkpoint is given as an http(s) address."""
    return isinstance(path, str) and path.lower().startswith(("http://", "https://"))


def fetch_checkpoint(address: str) -> Path:
    """Download a checkpoint once, and return the file. Call it in all processes.

    The file is kept in torch's hub folder. Its name contains a digest of the complete address, because the checkpoints
    of all runs have names such as `epoch_1.pth`.
    """
    name, extension = os.path.splitext(os.path.basename(urlsplit(address).path) or "checkpoint")
    digest = blake2b(address.encode(), digest_size=8).hexdigest()
    path = Path(torch.hub.get_dir(), "checkpoints", f"{name[:80]}-{digest}{extension[:16]}")
    on_main_process(lambda: None if path.is_file() else download(address, path))
    return path
