"""Reading checkpoints: never a pickle that could run code, and never weights of another model unnoticed."""

import os
import pickle
import re
from collections import OrderedDict
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from mmengine.dist import barrier, is_main_process
from mmengine.logging import HistoryBuffer
from mmengine.runner import CheckpointLoader
from torch import nn

from .unwrap_model import unwrap_model

try:
    from numpy._core import multiarray
except ImportError:  # numpy before 1.26
    from numpy.core import multiarray

_SHOWN = 5  # keys of each kind that an error message lists
_DTYPES = "Bool Int8 Int16 Int32 Int64 UInt8 UInt16 UInt32 UInt64 Float16 Float32 Float64".split()


def _allowed_globals():
    """The classes beside tensors that mmengine's checkpoints hold: its loss history and numpy's numbers."""
    # numpy 2 renamed numpy.core to numpy._core: a file names the module of the numpy that wrote it
    by_name = [
        (getattr(multiarray, function), f"numpy.{core}.multiarray.{function}")
        for core in ("core", "_core")
        for function in ("_reconstruct", "scalar")
    ]
    dtypes = [getattr(np.dtypes, f"{name}DType") for name in _DTYPES]
    return [HistoryBuffer, np.ndarray, np.dtype, (_history_statistic, "builtins.getattr"), *by_name, *dtypes]


def _history_statistic(owner, name):
    """All that ``getattr`` may do in a checkpoint: mmengine pickles ``HistoryBuffer.mean`` and such by it."""
    if owner is not HistoryBuffer or name not in ("min", "max", "current", "mean"):
        raise pickle.UnpicklingError(f"GLOBAL getattr({owner!r}, {name!r})")
    return getattr(HistoryBuffer, name)


def read_checkpoint(path, map_location="cpu"):
    """Read a checkpoint with ``weights_only=True``, always: code in the file is refused, not run.

    Returns the checkpoint's dict. Raises FileNotFoundError where there is no such file, and ValueError for a
    torn file, for a pickle with more than plain weights, and for a file that holds no dict.
    """
    path = Path(path).expanduser()
    if not path.is_file():
        raise FileNotFoundError(f"there is no checkpoint {path}{_beside(path)}")
    try:
        with torch.serialization.safe_globals(_allowed_globals()):
            checkpoint = torch.load(path, map_location=map_location, weights_only=True)
    except (MemoryError, torch.OutOfMemoryError, PermissionError):
        raise
    except pickle.UnpicklingError as error:
        foreign = re.search(r"GLOBAL (\S+)|(?:function|but got) (<.+?>)", str(error))
        if foreign is None and not _is_pickle(path):
            raise _torn(path, error) from error
        asked = (foreign.group(1) or foreign.group(2)) if foreign else "more than tensors"
        raise ValueError(
            f"refused to read {path}: it is no plain checkpoint, its pickle asks for {asked}, which weights do not "
            f"need and which could run any code. Nothing of it was run. Ask its author for the state_dict alone."
        ) from error
    except Exception as error:  # what torch raises for a torn file depends on where it is torn
        if "deserialize object on" in str(error):  # a device that this machine lacks: torch says it well
            raise
        raise _torn(path, error) from error
    if not isinstance(checkpoint, dict):
        raise ValueError(
            f"{path} holds a {type(checkpoint).__name__}, not a checkpoint: wanted is a dict with "
            f"'state_dict', or a state_dict itself"
        )
    return checkpoint


def _is_pickle(path):
    """Whether the file is a bare pickle of protocol 2 or later (torch.save writes a zip archive today)."""
    with open(path, "rb") as file:
        start = file.read(2)
    return len(start) == 2 and start[0] == 0x80 and 2 <= start[1] <= pickle.HIGHEST_PROTOCOL


def _torn(path, error):
    reason = str(error).strip().split("\n")[0][:120] or type(error).__name__
    return ValueError(
        f"{path} ({path.stat().st_size} bytes) is not a whole checkpoint: it is torn (a copy cut short?) "
        f"or another kind of file ({reason}). Copy it anew, or take an older checkpoint{_beside(path)}"
    )


def _beside(path):
    others = sorted(other.name for other in path.parent.glob("*.pth") if other != path)
    return f"; in its folder: {', '.join(others[:_SHOWN])}" if others else ""


def load_from_disk(filename, map_location=None):
    """mmengine's loader of local paths (it logs the name after ``load_from_``)."""
    return read_checkpoint(filename, map_location or "cpu")


def load_from_http(filename, map_location=None):
    """Download once into torch's hub folder, then read as any other file."""
    path = os.path.join(torch.hub.get_dir(), "checkpoints", os.path.basename(filename.split("?")[0]))
    if is_main_process() and not os.path.isfile(path):
        os.makedirs(os.path.dirname(path), exist_ok=True)
        torch.hub.download_url_to_file(filename, path)
    barrier()
    return read_checkpoint(path, map_location or "cpu")


def _load_from_nowhere(filename, map_location=None):
    raise ValueError(f"{filename}: checkpoints are read from files and http(s) alone; give the path of a file")


def register_safe_loaders():
    """Have every load of mmengine's (resume, load_from, init_cfg) read with ``weights_only=True``.

    mmengine's own loaders of addresses leave that to torch.hub, whose default is to run the pickle.
    """
    others = [scheme for scheme in CheckpointLoader._schemes if scheme not in ("", "http://", "https://")]
    CheckpointLoader.register_scheme(others, _load_from_nowhere, force=True)
    CheckpointLoader.register_scheme(["http://", "https://"], load_from_http, force=True)
    CheckpointLoader.register_scheme("", load_from_disk, force=True)


register_safe_loaders()


class StateDictDifference(NamedTuple):
    """How a state dict differs from what a model wants; each a list of keys."""

    missing: list
    unexpected: list
    reshaped: list  # of another shape

    def __bool__(self):
        return any(map(len, self))


def extract_state_dict(checkpoint, origin="the checkpoint"):
    """The weights of a checkpoint ('state_dict', or a bare state dict) without the 'module.' of wrappers.

    mmengine's EMA checkpoints have the averaged weights under 'state_dict': those are taken.
    """
    state = checkpoint.get("state_dict", checkpoint)
    if not isinstance(state, dict) or not any(isinstance(value, torch.Tensor) for value in state.values()):
        keys = ", ".join(map(str, list(checkpoint)[:_SHOWN])) or "none"
        raise ValueError(f"{origin} has no weights: wanted are 'state_dict' or tensors by name; it has: {keys}")
    stripped = OrderedDict((re.sub(r"^(module\.)+", "", key), value) for key, value in state.items())
    stripped._metadata = getattr(state, "_metadata", None)  # versions of modules, for their own upgrades
    return stripped


def compare_state_dicts(wanted, given):
    """Keys that ``given`` lacks, has too many, or has in another shape than ``wanted``.

    BatchNorm's ``num_batches_tracked`` may be missing: old files lack it and prediction does not need it.
    """
    return StateDictDifference(
        missing=[key for key in wanted if key not in given and not key.endswith("num_batches_tracked")],
        unexpected=[key for key in given if key not in wanted],
        reshaped=[key for key, value in given.items() if key in wanted and _shape(value) != _shape(wanted[key])],
    )


def require_same_model(model, checkpoint, origin="the checkpoint", mend=""):
    """Raise ValueError naming the differing keys where ``checkpoint`` is of another model than ``model``."""
    model = unwrap_model(model)
    wanted, given = model.state_dict(), extract_state_dict(checkpoint, origin)
    difference = compare_state_dicts(wanted, given)
    if difference:
        raise ValueError(_describe(difference, wanted, given, origin, mend))


def _describe(difference, wanted, given, origin, mend):
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
        "Give the config that it was trained with; a file in another format than ours goes through "
        f"tools/convert_checkpoint.py first.{' ' if mend else ''}{mend}"
    )
    return "\n".join(parts)


def _shape(value):
    return tuple(getattr(value, "shape", ()))


def load_weights(model: nn.Module, checkpoint, strict=True):
    """Load a checkpoint (path or dict) into ``model`` and return the :class:`StateDictDifference`.

    With ``strict`` (default) any difference is a ValueError that lists the keys; else what fits is loaded.
    """
    origin = "the checkpoint"
    if not isinstance(checkpoint, dict):
        origin, checkpoint = str(checkpoint), read_checkpoint(checkpoint)
    model = unwrap_model(model)
    if strict:
        require_same_model(model, checkpoint, origin, "To take what fits: load_weights(..., strict=False).")
    state = extract_state_dict(checkpoint, origin)
    difference = compare_state_dicts(model.state_dict(), state)
    for key in (*difference.reshaped, *difference.unexpected):
        del state[key]
    model.load_state_dict(state, strict=False)
    return difference
