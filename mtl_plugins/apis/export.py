"""A trained network as a file that other programs compute, checked against PyTorch when it is made."""

import errno
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from mtl_plugins.backends import FORMATS, Signature
from mtl_plugins.backends.build import check_precision
from mtl_plugins.backends.graph import NotExpressibleError, first_line
from mtl_plugins.files import disk_is_full, free_space, write_error
from mtl_plugins.kernels import without_kernels
from mtl_plugins.models import InferenceNetwork, MultiTaskModel

TOLERANCE = 1e-3  # of an output's range, in float32; of class ids: the share of pixels that may differ
_DIFFERS = ".differs"
_NEARLY_FULL = 2**20  # bytes


@dataclass(frozen=True)
class Export:
    """What was written.

    ``differences``: ``{(N, H, W): {task: difference}}`` between the file and PyTorch, see ``difference``. ``reason``
    tells why the file takes fewer sizes than were asked for, if it does.
    """

    path: Path
    signature: Signature
    differences: dict[tuple[int, int, int], dict[str, float]]
    reason: str = ""


def export_model(
    model: MultiTaskModel,
    format: str,
    out: str | Path,
    size: tuple[int, int] = (480, 640),
    batch: int | None = None,
    fixed_size: bool = False,
    tasks: Sequence[str] | None = None,
    whole: bool = False,
    precision: str = "float32",
    calibration: Sequence[Tensor] | None = None,
    dataset: str | None = None,
) -> Export:
    """Write a model to a file, load it again, and compare what it answers with what PyTorch does.

    Where the format has no words for a network of free sizes, the file is for ``size`` alone, and ``reason`` says why.

    Args:
        format: One of ``FORMATS``.
        out: Path of the file; the format's suffix is added where it is missing. OpenVINO writes a ``.bin`` beside it.
        size: (H, W) of the images; an example, unless ``fixed_size``.
        batch: Images at a time; ``None``: any number.
        tasks, whole, dataset: See ``InferenceNetwork``.
        precision: ``'float32'``, ``'bf16'``, ``'fp16'`` or ``'int8'``, as far as the format has it.
        calibration: uint8 images (3, H, W), RGB, for int8.

    Raises:
        ValueError: the network can't be expressed in this format; or the file answers otherwise than PyTorch
            (by more than ``TOLERANCE``, in float32): it then has ``.differs`` in its name.
        ImportError: a library is missing; the message says what to install.
        OSError: the folder can't be written, or the disk is full; no part of a file is left.
    """
    if format not in FORMATS:
        raise ValueError(f"there is no export format {format!r}: choose one of {', '.join(FORMATS)}.")
    backend = FORMATS[format]
    check_precision(backend, precision)
    if min(*size, 1 if batch is None else batch) < 1:
        raise ValueError(f"size and batch are 1 or more; given: size {tuple(size)}, batch {batch}.")
    backend.require_libraries()
    out = Path(out)
    out = out if out.suffix == backend.suffix else out.with_name(out.name + backend.suffix)
    network = InferenceNetwork(model, tasks, whole, dataset)
    prepared = None if calibration is None else [_as_input(network, image[None]) for image in calibration]
    with _folder_beside(out) as folder:
        path, reason = folder / out.name, ""
        for fixed in (True,) if fixed_size else (False, True):
            graph = backend.capture(network, size, precision, batch, fixed)
            try:
                _write(backend, graph, path, precision, prepared)
                signature, differences = _check(network, backend, path, size)
            except NotExpressibleError as error:
                if fixed:
                    raise
                reason = f"the size had to be fixed: {error}"
                continue
            worst = max(value for found in differences.values() for value in found.values())
            differs = precision == "float32" and not worst <= TOLERANCE  # NaN differs
            if not differs:
                break
            reason = "the size had to be fixed: with free sizes it answers otherwise than PyTorch"
        if differs:
            out = out.with_name(out.stem + _DIFFERS + out.suffix)
        for file in sorted(folder.iterdir()):  # .bin before .xml: a file that is there is whole
            os.replace(file, out.with_suffix(file.suffix))
    exported = Export(out, signature, differences, graph.reason or reason)
    if differs:
        raise ValueError(
            f"the exported file answers otherwise than PyTorch: {describe(exported)} of its range; at most "
            f"{100 * TOLERANCE:g} % is allowed. It was kept as {out} to look at, not to use. Try another format."
        )
    return exported


def _check(network, backend, path, size):
    """``(signature, differences)`` of a file that was just written."""
    loaded = backend.load(path)
    differences = {}
    for images in _images_to_check(network, loaded.signature, size):
        try:
            found = compare(network, loaded, images)
        except Exception as error:  # each library has its own
            sizes = " x ".join(map(str, images.shape))
            raise NotExpressibleError(f"{backend.name} can't compute images of {sizes}: {first_line(error)}") from error
        differences[tuple(images.shape[axis] for axis in (0, 2, 3))] = found
    return loaded.signature, differences


@torch.inference_mode()
def compare(network: InferenceNetwork, backend, images: Tensor) -> dict[str, float]:
    """``{task: difference}`` between a backend's answers and the network's own, by PyTorch's operators."""
    given = backend(images)
    with without_kernels():
        wanted = network(images)
    return {task: difference(given[task], want) for task, want in zip(network.tasks, wanted, strict=True)}


def difference(given: Tensor, wanted: Tensor) -> float:
    """The largest difference, relative to the range of ``wanted``; of class ids: the share of pixels that differ."""
    if given.shape != wanted.shape:
        raise ValueError(f"outputs of shape {tuple(given.shape)} are compared with {tuple(wanted.shape)}.")
    given = given.to(wanted.device)
    if not wanted.is_floating_point():
        return float((given != wanted).float().mean())
    spread = float(wanted.max() - wanted.min())
    return float((given.float() - wanted.float()).abs().max()) / (spread or 1.0)


def describe(exported: Export) -> str:
    """The largest difference of each task, in words."""
    found = exported.differences.values()
    worst = {task: max(differences[task] for differences in found) for task in exported.signature.tasks}
    return ", ".join(f"{task} by up to {100 * value:.2g} %" for task, value in worst.items())


def _as_input(network, images):
    """uint8 images (N, 3, H, W) as the network takes them."""
    if network.whole:
        return images
    preprocessor = network.model.data_preprocessor
    return preprocessor.normalise(images.to(preprocessor.mean.device))


def _images_to_check(network, signature: Signature, size) -> Iterator[Tensor]:
    """Random images of two sizes and batch sizes, where it takes more than one: blurred, so that edges are rare."""
    generator = torch.Generator().manual_seed(0)
    batch, height, width = signature.shape
    sizes = {
        (batch or 1, height or size[0], width or size[1]),
        (batch or 3, height or size[0] + 37, width or size[1] + 13),
    }
    for n, height, width in sorted(sizes):
        coarse = torch.rand(n, 3, -(-height // 8), -(-width // 8), generator=generator)
        smooth = F.interpolate(coarse, (height, width), mode="bilinear")
        yield _as_input(network, (255 * smooth).to(torch.uint8))


@contextmanager
def _folder_beside(out: Path):
    """A temporary folder on the disk of ``out``, so that renaming out of it is one step."""
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        folder = tempfile.TemporaryDirectory(prefix=".exporting-", dir=out.parent)
    except OSError as error:
        raise OSError(
            error.errno, f"{out} can't be written: {error.strerror}. Give a folder that you may write to"
        ) from error
    with folder:
        yield Path(folder.name)


def _write(backend, graph, path, precision, calibration):
    try:
        backend.write(graph, path, precision, calibration)
    except Exception as error:  # each library has its own, for a full disk too
        if disk_is_full(error) or free_space(path.parent) < _NEARLY_FULL:
            full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            raise write_error(full, path.parent.parent, what=f"the network to {path.parent.parent}") from error
        if isinstance(error, (ValueError, ImportError, OSError)):
            raise
        raise NotExpressibleError(f"{backend.name} can't express the network: {first_line(error)}") from error
