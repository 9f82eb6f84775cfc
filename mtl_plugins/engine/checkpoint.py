"""Reading checkpoints without executing code from the file, and checking that they fit the model."""

import os
import pickle
import re
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from threading import RLock
from typing import Any, NamedTuple, NoReturn

import numpy as np
import torch
from mmengine.dist import barrier, is_main_process
from mmengine.logging import HistoryBuffer
from mmengine.runner import CheckpointLoader
from numpy._core import multiarray
from torch import Tensor, nn

from mtl_plugins.unwrap_model import unwrap_model

_LOADERS = RLock()
_SHOWN = 5  # keys of each kind that an error message lists
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
    return [HistoryBuffer, np.ndarray, np.dtype, (_history_statistic, "builtins.getattr"), *by_name, *dtypes]


def _history_statistic(owner: object, name: str) -> Callable:
    """Replaces `getattr` in checkpoints, which mmengine only needs for `HistoryBuffer.mean` and its siblings."""
    if owner is not HistoryBuffer or name not in ("min", "max", "current", "mean"):
        raise pickle.UnpicklingError(f"GLOBAL getattr({owner!r}, {name!r})")
    return getattr(HistoryBuffer, name)


def read_checkpoint(path: str | Path, map_location: Any = "cpu") -> dict:
    """Read a checkpoint with `weights_only=True`: code in the file is refused, not executed.

    Args:
        path: The file; `~` stands for the home directory.
        map_location: Where to put the tensors, as in `torch.load`.

    Raises:
        IsADirectoryError: The path is a folder; the message names its last checkpoint.
        FileNotFoundError: No such file; the message lists the checkpoints in its folder.
        ValueError: The file is incomplete, its pickle contains more than weights, or it does not contain a dict.
    """
    path = Path(path).expanduser()
    if path.is_dir():
        last = next(reversed(_checkpoints(path)), None)
        advice = f"give a file in it, such as {last}" if last else "give the path of a .pth file"
        raise IsADirectoryError(f"{path} is a folder, not a checkpoint: {advice}.")
    if not path.is_file():
        raise FileNotFoundError(f"checkpoint not found: {path}{_neighbours(path)}")
    try:
        with torch.serialization.safe_globals(_allowed_globals()):
            checkpoint = torch.load(path, map_location=map_location, weights_only=True)
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


def _is_pickle(path: Path) -> bool:
    """Whether the file is a bare pickle of protocol 2 or later; torch.save now writes zip archives."""
    with open(path, "rb") as file:
        start = file.read(2)
    return len(start) == 2 and start[0] == 0x80 and 2 <= start[1] <= pickle.HIGHEST_PROTOCOL


def _incomplete(path: Path) -> ValueError:
    return ValueError(
        f"{path} ({path.stat().st_size:,} bytes) is not a complete checkpoint: it is cut off, or another kind of file. "
        f"Copy it again, or use another checkpoint{_neighbours(path)}."
    )


def _neighbours(path: Path) -> str:
    others = [other.name for other in _checkpoints(path.parent) if other != path]
    return f"; in its folder: {', '.join(others[-_SHOWN:])}" if others else ""


def _checkpoints(folder: Path) -> list[Path]:
    """The checkpoints in a folder, oldest first."""
    return sorted(folder.glob("*.pth"), key=lambda path: path.stat().st_mtime)


@contextmanager
def safe_loaders() -> Iterator[None]:
    """Within this context, mmengine reads every checkpoint with `read_checkpoint`.

    mmengine leaves `weights_only` to torch, or to torch.hub, whose default is to execute the pickle. Its table of
    loaders belongs to the process and is shared by all OpenMMLab packages, so it is restored at the end. Only one
    thread at a time can be in this context: threads that overlap would restore each other's table.
    """
    with _LOADERS:
        loaders = CheckpointLoader._schemes
        safe = {scheme: _refuse_address for scheme in loaders}
        CheckpointLoader._schemes = safe | {"": load_from_disk, "http://": load_from_http, "https://": load_from_http}
        try:
            yield
        finally:
            CheckpointLoader._schemes = loaders


def load_from_disk(filename: str, map_location: Any = None) -> dict:
    """mmengine's loader of files; it logs the name of this function without `load_from_`."""
    return read_checkpoint(filename, map_location or "cpu")


def load_from_http(filename: str, map_location: Any = None) -> dict:
    """Download once into torch's hub folder, then read the file."""
    path = os.path.join(torch.hub.get_dir(), "checkpoints", os.path.basename(filename.split("?")[0]))
    if is_main_process() and not os.path.isfile(path):
        os.makedirs(os.path.dirname(path), exist_ok=True)
        torch.hub.download_url_to_file(filename, path)
    barrier()
    return read_checkpoint(path, map_location or "cpu")


def _refuse_address(filename: str, map_location: Any = None) -> NoReturn:
    raise ValueError(f"{filename}: checkpoints are only read from files and from http(s). Give the path of a file.")


class StateDictDifference(NamedTuple):
    """The keys in which a state dict differs from that of a model. It is false if there are none."""

    missing: list[str]
    """Keys of the model that the state dict does not have."""
    unexpected: list[str]
    """Keys of the state dict that the model does not have."""
    reshaped: list[str]
    """Keys whose tensors have different shapes."""

    def __bool__(self) -> bool:
        return any(map(len, self))


def extract_state_dict(checkpoint: Mapping, origin: str = "the checkpoint") -> OrderedDict[str, Tensor]:
    """The weights of a checkpoint, without the prefix `module.` of model wrappers.

    For checkpoints of mmengine's `EMAHook`, these are the averaged weights.

    Args:
        checkpoint: A dict with the key `"state_dict"`, or a state dict.
        origin: Name of the checkpoint in error messages.

    Raises:
        ValueError: The checkpoint contains no tensors.
    """
    state = checkpoint.get("state_dict", checkpoint)
    if not isinstance(state, dict) or not any(isinstance(value, Tensor) for value in state.values()):
        keys = ", ".join(map(str, list(checkpoint)[:_SHOWN])) or "none"
        raise ValueError(f"{origin} has no weights: expected 'state_dict', or tensors by name. Its keys: {keys}.")
    stripped = OrderedDict((re.sub(r"^(module\.)+", "", key), value) for key, value in state.items())
    stripped._metadata = getattr(state, "_metadata", None)  # type: ignore[attr-defined]  # modules' versions
    return stripped


def compare_state_dicts(wanted: Mapping[str, Tensor], given: Mapping[str, Tensor]) -> StateDictDifference:
    """The keys in which `given` differs from the model's state dict `wanted`.

    A missing `num_batches_tracked` of batch norm does not count: old files do not have it, and only training with
    `momentum=None` needs it.
    """
    return StateDictDifference(
        missing=[key for key in wanted if key not in given and not key.endswith("num_batches_tracked")],
        unexpected=[key for key in given if key not in wanted],
        reshaped=[key for key, value in given.items() if key in wanted and _shape(value) != _shape(wanted[key])],
    )


def require_same_model(model: nn.Module, checkpoint: Mapping, origin: str = "the checkpoint", advice: str = "") -> None:
    """Check that a checkpoint belongs to a model.

    Args:
        model: The model, or a wrapper around it.
        checkpoint: A dict with the key `"state_dict"`, or a state dict.
        origin: Name of the checkpoint in error messages.
        advice: Last sentence of the error message.

    Raises:
        ValueError: The checkpoint belongs to another model; the message lists the keys that differ.
    """
    wanted, given = unwrap_model(model).state_dict(), extract_state_dict(checkpoint, origin)
    difference = compare_state_dicts(wanted, given)
    if difference:
        raise ValueError(_describe(difference, wanted, given, origin, advice))


def _describe(difference: StateDictDifference, wanted: Mapping, given: Mapping, origin: str, advice: str) -> str:
    reshaped = [f"{key}: file {_shape(given[key])}, model {_shape(wanted[key])}" for key in difference.reshaped]
    parts = [f"{origin} belongs to another model ({len(given)} weights; the model has {len(wanted)}):"]
    for title, keys in (
        ("missing in the file", difference.missing),
        ("unexpected in the file", difference.unexpected),
        ("of another shape", reshaped),
    ):
        if keys:
            more = f"; and {len(keys) - _SHOWN} more" if len(keys) > _SHOWN else ""
            parts.append(f"  {title}: {len(keys)} ({'; '.join(keys[:_SHOWN])}{more})")
    parts.append(
        "Use the config that it was trained with; convert a published file with mtl convert "
        f"first.{' ' if advice else ''}{advice}"
    )
    return "\n".join(parts)


def _shape(value: object) -> tuple[int, ...]:
    return tuple(getattr(value, "shape", ()))


def load_weights(model: nn.Module, checkpoint: str | Path | dict, strict: bool = True) -> StateDictDifference:
    """Load the weights of a checkpoint into a model.

    Args:
        model: The model, or a wrapper around it.
        checkpoint: A path, a dict with the key `"state_dict"`, or a state dict.
        strict: Whether every key must match. Otherwise the keys that match are loaded.

    Returns:
        The keys that did not match.

    Raises:
        ValueError: With `strict`, the checkpoint belongs to another model; the message lists the keys that differ.
    """
    origin = "the checkpoint"
    if not isinstance(checkpoint, dict):
        origin, checkpoint = str(checkpoint), read_checkpoint(checkpoint)
    model = unwrap_model(model)
    if strict:
        require_same_model(model, checkpoint, origin, "To load only what matches: load_weights(..., strict=False).")
    state = extract_state_dict(checkpoint, origin)
    difference = compare_state_dicts(model.state_dict(), state)
    for key in (*difference.reshaped, *difference.unexpected):
        del state[key]
    model.load_state_dict(state, strict=False)
    return difference
