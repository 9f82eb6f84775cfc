import json
import struct
import warnings
import zlib
from collections.abc import Callable, Iterator
from hashlib import blake2b
from pathlib import Path

import torch
from safetensors.torch import load, save
from torchvision import tv_tensors

from mtl_plugins.files import read_regular_file, write_bytes
from mtl_plugins.structures import DenseMap, DepthMap, DisparityMap, ImageLabel, Intrinsics, NormalMap

from .sample_files import Sample

IN_MEMORY = "memory"
#: What to do if the memory runs out while samples are read; the end of an error message.
LESS_MEMORY = (
    "lower num_workers or batch_size of the dataloader, or use cache='DIR', which all workers share, instead of "
    "cache='memory'."
)
_FORMAT = 2  # of the files: raise it when a change alters them
# The text before the checksum in a file's header, and the value that replaces it while it is computed
_CHECKSUM, _EMPTY = b'"checksum":"', b"00000000"
_BUILT_IN_TYPES: dict[str, type[torch.Tensor]] = {
    kind.__name__: kind
    for kind in (
        torch.Tensor,
        tv_tensors.Image,
        tv_tensors.Mask,
        DenseMap,
        DepthMap,
        DisparityMap,
        NormalMap,
        ImageLabel,
        Intrinsics,
    )
}


class SampleCache:
    """Keeps decoded samples for the next epoch.

    A cache file is data only: loading one never imports or executes anything that it names. A file whose checksum is
    wrong, or that names a tensor type which this process has not defined, counts as missing: the sample is read again
    and the file is replaced.

    Args:
        place: `'memory'`: each worker keeps the samples that it has read (use `persistent_workers`). Otherwise a folder
            with one safetensors file per sample, shared by all workers, processes and later runs; the operating system
            keeps them in memory as far as there is room. A sample is read again when one of its files changes.
    """

    def __init__(self, place: str | Path):
        self.folder = None if place == IN_MEMORY else Path(place).expanduser()
        self._held: dict[str, Sample] = {}

    def get(self, key: dict, files: list[Path], read: Callable[[], Sample]) -> Sample:
        """Return a sample from the cache, or read and store it.

        Args:
            key: Everything except the files that the sample depends on; JSON.
            files: The files of the sample. A cache on disk compares their sizes and modification times.
            read: Reads the sample.
        """
        if self.folder is None:
            name = json.dumps(key, sort_keys=True, default=str)
            if name not in self._held:
                self._held[name] = read()
            # copies, so that an in-place change of a label does not reach the cache
            return {k: v.clone() if isinstance(v, torch.Tensor) else v for k, v in self._held[name].items()}
        stamp = [(str(path), (stat := path.stat()).st_size, stat.st_mtime_ns) for path in files if path.exists()]
        digest = blake2b(
            json.dumps([_FORMAT, key, stamp], sort_keys=True, default=str).encode(), digest_size=16
        ).hexdigest()
        path = self.folder / digest[:2] / f"{digest}.safetensors"
        sample = _load(path)
        if sample is None:
            sample = read()
            _save(sample, path)
        return sample


def _save(sample: Sample, path: Path) -> None:
    tensors = {name: value for name, value in sample.items() if isinstance(value, torch.Tensor)}
    about = dict(
        types={name: _type_name(type(value)) for name, value in tensors.items()},
        canvas={name: value.canvas_size for name, value in tensors.items() if hasattr(value, "canvas_size")},
        rest={name: value for name, value in sample.items() if name not in tensors},
    )
    plain = {name: value.as_subclass(torch.Tensor).contiguous() for name, value in tensors.items()}
    try:
        content = save(plain, {"sample": json.dumps(about), "checksum": _EMPTY.decode()})
        write_bytes(path, _with_checksum(content), durable=False)  # the checksum reveals what a power cut truncated
    except OSError as error:  # Python shows the same warning once per process
        warnings.warn(
            f"the sample cache {path.parents[1]} cannot be written; samples are read without it: {error}", stacklevel=2
        )


def _load(path: Path) -> Sample | None:
    """The sample in a file, or None if the file is missing, damaged or of another format."""
    try:
        data = read_regular_file(path)
        start, checksum = _checksum(data)
        if not data.startswith(checksum, start):
            return None
        (length,) = struct.unpack_from("<Q", data)
        about = json.loads(json.loads(data[8 : 8 + length])["__metadata__"]["sample"])
        plain = load(data)
        types, canvas, rest = (about[key] for key in ("types", "canvas", "rest"))
        sample = {name: _with_type(plain[name], types[name], canvas.get(name)) for name in {**types, **plain}}
        return None if set(sample) & set(rest) else {**sample, **rest}
    except Exception:  # whatever a damaged file raises
        return None


def _checksum(data: bytes) -> tuple[int, bytes]:
    """Where the checksum of a file begins, and what it must be: a CRC-32 of all other bytes, as 8 digits."""
    start = data.index(_CHECKSUM) + len(_CHECKSUM)
    rest = memoryview(data)[start + len(_EMPTY) :]
    return start, b"%08x" % zlib.crc32(rest, zlib.crc32(_EMPTY, zlib.crc32(data[:start])))


def _with_checksum(data: bytes) -> bytes:
    start, checksum = _checksum(data)
    return data[:start] + checksum + data[start + len(checksum) :]


def _type_name(kind: type[torch.Tensor]) -> str:
    name = kind.__name__
    return name if _BUILT_IN_TYPES.get(name) is kind else f"{kind.__module__}.{kind.__qualname__}"


def _find_type(name: str) -> type[torch.Tensor]:
    """A built-in type, or a subclass of `TVTensor` that this process has defined already."""
    if name in _BUILT_IN_TYPES:
        return _BUILT_IN_TYPES[name]
    for kind in _subclasses(tv_tensors.TVTensor):
        if _type_name(kind) == name:
            return kind
    raise LookupError(f"unknown tensor type {name}")


def _subclasses(kind: type[torch.Tensor]) -> Iterator[type[torch.Tensor]]:
    for child in kind.__subclasses__():
        yield child
        yield from _subclasses(child)


def _with_type(value: torch.Tensor, name: str, canvas: list[int] | None) -> torch.Tensor:
    kind = _find_type(name)
    if kind is torch.Tensor:
        return value
    options = {} if canvas is None else dict(canvas_size=tuple(canvas))
    typed = kind(value, **options)
    if typed.shape != value.shape or typed.dtype != value.dtype:
        raise ValueError(f"{name} changes a tensor {tuple(value.shape)} of {value.dtype}")
    return typed
