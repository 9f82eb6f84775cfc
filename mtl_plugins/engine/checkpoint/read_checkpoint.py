import pickle
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.logging import HistoryBuffer
from numpy._core import multiarray
from safetensors import SafetensorError
from safetensors.torch import load_file

from mtl_plugins.files import SealError, check_seal, is_zip, verification_is_on

from .fetch_checkpoint import fetch_checkpoint, is_address

_SHOWN = 5  # neighbours that an error message lists
_DTYPES = "Bool Int8 Int16 Int32 Int64 UInt8 UInt16 UInt32 UInt64 Float16 Float32 Float64".split()


def _allowed_globals() -> list:
    """What mmengine's checkpoints contain in addition to tensors: its loss history and NumPy's numbers."""
    # NumPy 2 renamed numpy.core to numpy._core; a file names the module of the NumPy version that wrote it
    by_name = [
        (getattr(multiarray, function), f"numpy.{core}.multiarray.{function}")
        for core in ("core", "_core")
        for function in ("_reconstruct", "scalar")
    ]
    dtypes = [getattr(np.dtypes, f"{name}DType") for name in _DTYPES]
    history = (_SavedHistory, f"{HistoryBuffer.__module__}.{HistoryBuffer.__qualname__}")
    empty = [(_no_bytes, f"{module}.bytes") for module in ("builtins", "__builtin__")]  # of empty arrays
    return [history, np.ndarray, np.dtype, (_history_statistic, "builtins.getattr"), *empty, *by_name, *dtypes]


def _no_bytes() -> bytes:
    """Replaces `bytes` in checkpoints, which must not allocate memory."""
    return b""


class _SavedHistory(HistoryBuffer):
    """Replaces `HistoryBuffer` in checkpoints, whose `__setstate__` lets a file replace methods of all histories."""

    def __setstate__(self, state: Any) -> None:
        names = ("max_length", "_log_history", "_count_history")
        self.__dict__.update({name: state[name] for name in names if isinstance(state, dict) and name in state})
        self.__class__ = HistoryBuffer  # type: ignore[assignment]


def _history_statistic(owner: object, name: str) -> Callable:
    """Replaces `getattr` in checkpoints, which mmengine only needs for `HistoryBuffer.mean` and its siblings."""
    if owner is not _SavedHistory or name not in ("min", "max", "current", "mean"):
        raise pickle.UnpicklingError(f"GLOBAL getattr({owner!r}, {name!r})")
    return getattr(HistoryBuffer, name)


def read_checkpoint(
    path: str | Path, map_location: Any = "cpu", verify: bool | None = None, in_place: bool = False
) -> dict:
    """Read a checkpoint with `weights_only=True`: code in the file is refused, not executed.

    A `.safetensors` file contains only weights, under the names of a state dict.

    Args:
        path: The file, where `~` stands for the home directory; or an http(s) address, see `fetch_checkpoint`.
        map_location: Where to put the tensors, as in `torch.load`.
        verify: Whether to verify the checksums in the file before reading it. By default they are verified unless the
            environment variable `MTL_VERIFY_CHECKPOINTS` is `0`.
        in_place: Whether to leave the tensors in the file (memory-mapped), for a quick look at the other values.

    Raises:
        IsADirectoryError: The path is a folder; the message names its last checkpoint.
        FileNotFoundError: No such file; the message lists the checkpoints in its folder.
        ValueError: The file is incomplete or was changed, its pickle contains more than weights, or it does not contain
            a dict.
    """
    if is_address(path):
        file = fetch_checkpoint(str(path))
        try:
            return read_checkpoint(file, map_location, verify, in_place)
        except ValueError as error:
            raise ValueError(f"{error} It was downloaded from {path}; to download it again, delete it.") from error
    path = Path(path).expanduser()
    if path.is_dir():
        last = next(reversed(_checkpoints(path)), None)
        advice = f"give a file in it, such as {last}" if last else "give the path of a .pth file"
        raise IsADirectoryError(f"{path} is a folder, not a checkpoint: {advice}.")
    if not path.is_file():
        raise FileNotFoundError(f"checkpoint not found: {path}{_neighbours(path)}")
    if path.suffix == ".safetensors":
        return _read_safetensors(path, map_location)
    if verification_is_on() if verify is None else verify:
        verify_checkpoint(path)
    try:
        with torch.serialization.safe_globals(_allowed_globals()):
            checkpoint = torch.load(path, map_location=map_location, weights_only=True, mmap=in_place and is_zip(path))
    except (MemoryError, torch.OutOfMemoryError, PermissionError):
        raise
    except pickle.UnpicklingError as error:
        foreign = re.search(r"GLOBAL (\S+)|(?:function|but got) (<.+?>)", str(error))
        if foreign is None and not _is_pickle(path):
            raise _incomplete(path) from error
        requested = (foreign.group(1) or foreign.group(2)) if foreign else "more than tensors"
        raise ValueError(
            f"refused to read {path}: its pickle requests {requested}, which weights do not need and which could "
            f"execute any code. Nothing was executed. Ask the author for a file with only the state_dict."
        ) from error
    except Exception as error:  # what torch raises depends on where the file is cut off
        if "deserialize object on" in str(error):  # a missing device, which torch explains well
            raise
        raise _incomplete(path) from error
    if not isinstance(checkpoint, dict):
        raise ValueError(
            f"{path} contains a {type(checkpoint).__name__}, not a checkpoint: expected a dict with the key "
            f"'state_dict', or a state dict."
        )
    return checkpoint


def _read_safetensors(path: Path, map_location: Any) -> dict:
    try:
        return {"state_dict": load_file(path, device=str(map_location))}
    except SafetensorError as error:
        raise ValueError(
            f"{path} is not a complete safetensors file ({error}): it is damaged, cut off, or another kind of file. "
            "Copy it again, or use another checkpoint."
        ) from error


def verify_checkpoint(path: Path) -> None:
    """Verify the checksums in a checkpoint without loading it; files of before PyTorch 1.6 have none.

    Raises:
        ValueError: The file is incomplete or was changed after it had been written.
    """
    if _is_pickle(path):
        return
    try:
        check_seal(path)
    except SealError as error:
        raise _incomplete(path, str(error)) from error


def _is_pickle(path: Path) -> bool:
    """Whether the file is a bare pickle of protocol 2 or later; torch.save now writes zip archives."""
    with open(path, "rb") as file:
        start = file.read(2)
    return len(start) == 2 and start[0] == 0x80 and 2 <= start[1] <= pickle.HIGHEST_PROTOCOL


def _incomplete(path: Path, reason: str = "") -> ValueError:
    detail = f" ({reason})" if reason else ""
    return ValueError(
        f"{path} ({path.stat().st_size:,} bytes) is not a complete checkpoint: it is damaged, cut off, or another kind "
        f"of file{detail}. Copy it again, or use another checkpoint{_neighbours(path)}."
    )


def _neighbours(path: Path) -> str:
    others = [other.name for other in _checkpoints(path.parent) if other != path]
    return f"; in its folder: {', '.join(others[-_SHOWN:])}" if others else ""


def _checkpoints(folder: Path) -> list[Path]:
    """The checkpoints in a folder, oldest first; links that lead nowhere are left out."""
    return sorted((path for path in folder.glob("*.pth") if path.exists()), key=lambda path: path.stat().st_mtime)
