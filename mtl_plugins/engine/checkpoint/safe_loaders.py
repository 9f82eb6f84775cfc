from collections.abc import Iterator
from contextlib import contextmanager
from threading import RLock
from typing import Any, NoReturn

from mmengine.runner import CheckpointLoader
from torch import Tensor

from mtl_plugins.functional import tensor_fault

from .read_checkpoint import read_checkpoint

_LOADERS = RLock()


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
    return _without_nan(read_checkpoint(filename, map_location or "cpu"), filename)


def load_from_http(filename: str, map_location: Any = None) -> dict:
    """mmengine's loader of addresses, see `fetch_checkpoint`; a function of its own because its name is logged, too."""
    return load_from_disk(filename, map_location)


def _without_nan(checkpoint: dict, origin: str) -> dict:
    """mmengine does not check what it loads into a model, for example for `init_cfg=dict(type="Pretrained")`."""
    state = checkpoint.get("state_dict", checkpoint)
    for name, value in state.items() if isinstance(state, dict) else ():
        if isinstance(value, Tensor):
            fault = tensor_fault(value, values=False)
            if fault or (value.is_floating_point() and bool(value.isnan().any())):
                raise ValueError(f"{origin}: the weight {name} cannot be used: {fault or 'it contains NaN'}.")
    return checkpoint


def _refuse_address(filename: str, map_location: Any = None) -> NoReturn:
    raise ValueError(f"{filename}: checkpoints are only read from files and from http(s). Give the path of a file.")
