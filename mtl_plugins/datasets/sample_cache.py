import json
import warnings
from collections.abc import Callable
from hashlib import blake2b
from importlib import import_module
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torchvision import tv_tensors

from mtl_plugins.files import write_file

IN_MEMORY = "memory"


class SampleCache:
    """Decoded samples, kept for the next epoch.

    Args:
        place: ``'memory'``: each worker keeps what it has read (with ``persistent_workers``); or a folder: a file a
            sample, which all workers, processes and later runs share, and which the system keeps in memory as far as
            there is room. Files are made anew where what they were made of has changed.
    """

    def __init__(self, place: str | Path):
        self.folder = None if place == IN_MEMORY else Path(place).expanduser()
        self._held = {}

    def get(self, key: dict, files: list[Path], read: Callable[[], dict]) -> dict:
        """The sample that ``read()`` gives, from the cache if it holds it.

        Args:
            key: what else the sample depends on (JSON).
            files: what it is read from; their sizes and times of change are looked at for a cache of files.
        """
        if self.folder is None:
            name = json.dumps(key, sort_keys=True, default=str)
            if name not in self._held:
                self._held[name] = read()
            # a label that is changed in place must not change what is held
            return {k: v.clone() if isinstance(v, torch.Tensor) else v for k, v in self._held[name].items()}
        stamp = [(str(path), (stat := path.stat()).st_size, stat.st_mtime_ns) for path in files if path.exists()]
        digest = blake2b(json.dumps([key, stamp], sort_keys=True, default=str).encode(), digest_size=16).hexdigest()
        path = self.folder / digest[:2] / f"{digest}.safetensors"
        sample = _load(path)
        if sample is None:
            sample = read()
            _save(sample, path)
        return sample


def _save(sample, path):
    tensors = {name: value for name, value in sample.items() if isinstance(value, torch.Tensor)}
    about = dict(
        kinds={name: [type(value).__module__, type(value).__qualname__] for name, value in tensors.items()},
        canvas={name: value.canvas_size for name, value in tensors.items() if hasattr(value, "canvas_size")},
        rest={name: value for name, value in sample.items() if name not in tensors},
    )
    plain = {name: value.as_subclass(torch.Tensor).contiguous() for name, value in tensors.items()}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_file(path, lambda file: file.write(save(plain, {"sample": json.dumps(about)})))
    except OSError as error:  # Python shows the same warning once a process
        warnings.warn(f"the sample cache {path.parents[1]} can't be written, reading goes on: {error}", stacklevel=2)


def _load(path):
    """The sample in a file, or None where there is none that is whole."""
    try:
        with safe_open(path, "pt") as file:
            about = json.loads(file.metadata()["sample"])
            plain = {name: file.get_tensor(name) for name in file.keys()}
    except (FileNotFoundError, SafetensorError, KeyError, TypeError):
        return None
    sample = {name: _typed(value, about["kinds"][name], about["canvas"].get(name)) for name, value in plain.items()}
    return sample | about["rest"]


def _typed(value, kind, canvas):
    module, name = kind
    kind = getattr(import_module(module), name, None)
    if kind is torch.Tensor:
        return value
    if not (isinstance(kind, type) and issubclass(kind, tv_tensors.TVTensor)):
        raise TypeError(f"the sample cache holds a {module}.{name}, which is no tv_tensor: delete the cache.")
    return kind(value, canvas_size=canvas) if canvas else kind(value)
