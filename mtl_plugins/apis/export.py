"""Export a trained network to a file for other programs, and compare the file with PyTorch."""

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

from mtl_plugins.backends import (
    FORMATS,
    BuildOptions,
    GraphBackend,
    NotExpressibleError,
    Signature,
    compare,
    difference,
)
from mtl_plugins.backends.build import check_precision
from mtl_plugins.backends.graph import Graph, first_line
from mtl_plugins.files import disk_is_full, flush_to_disk, free_space, write_error
from mtl_plugins.models import InferenceNetwork, MultiTaskModel
from mtl_plugins.stop_signals import removed_at_end

from .check_dataset import check_dataset

__all__ = ["TOLERANCE", "Export", "compare", "describe", "difference", "export_model"]

TOLERANCE = 1e-3  # in float32: share of an output's range; of class ids, share of pixels that may differ
_DIFFERS = ".differs"
_NEARLY_FULL = 2**20  # bytes


@dataclass(frozen=True)
class Export:
    """An exported file.

    Attributes:
        path: Path of the file.
        signature: Its inputs and outputs.
        differences: The `difference` between the file and PyTorch, by (N, H, W) of the images and name of the output.
        reason: Why the file supports fewer sizes than requested; empty if it supports all of them.
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
    end_to_end: bool = False,
    precision: str = "float32",
    calibration: Sequence[Tensor] | None = None,
    dataset: str | None = None,
) -> Export:
    """Write a model to a file, load the file, and compare its outputs with PyTorch's.

    If the format cannot express dynamic sizes for this network, the file is for `size` only, and `Export.reason`
    contains the reason.

    Args:
        model: The trained model.
        format: One of `FORMATS`.
        out: Path of the file. A missing suffix is added. OpenVINO also writes a `.bin` file of the same name.
        size: (H, W) of the images; an example unless `fixed_size` is set.
        batch: Batch size; None for any.
        fixed_size: Whether images have only this size, which can be faster.
        tasks: Tasks to export; all by default.
        end_to_end: Whether to include normalisation and prediction (see `InferenceNetwork`).
        precision: `'float32'`, `'bf16'`, `'fp16'` or `'int8'`, if the format supports it.
        calibration: For int8: uint8 RGB images (3, H, W).
        dataset: Dataset whose classes and depths an end-to-end network predicts (see `InferenceNetwork`).

    Raises:
        ValueError: The network cannot be expressed in this format; or the outputs of the file differ from PyTorch's by
            more than `TOLERANCE` in float32, and the file is kept with `.differs` in its name.
        ImportError: A library is missing; the message contains the command that installs it.
        OSError: The folder cannot be written, or the disk is full. No partial file is left.
    """
    if format not in FORMATS:
        raise ValueError(f"export format {format!r} does not exist: choose from {', '.join(FORMATS)}.")
    backend = FORMATS[format]
    check_precision(backend, precision)
    if min(*size, 1 if batch is None else batch) < 1:
        raise ValueError(f"size and batch must be at least 1; given: size {tuple(size)}, batch {batch}.")
    backend.require_libraries()
    out = Path(out)
    out = out if out.suffix == backend.suffix else out.with_name(out.name + backend.suffix)
    if dataset is not None:
        check_dataset(model, dataset, tasks)
    network = InferenceNetwork(model, tasks, end_to_end, dataset)
    prepared = None if calibration is None else [_as_input(network, image[None]) for image in calibration]
    with _temporary_folder(out) as folder:
        path, reason = folder / out.name, ""
        for fixed in (True,) if fixed_size else (False, True):
            options = BuildOptions(size, precision, batch, fixed, prepared)
            graph = backend.capture(network, options)
            try:
                _write(backend, graph, path, options)
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
            reason = "the size had to be fixed: with dynamic sizes the outputs differ from PyTorch's"
        if differs:
            out = out.with_name(out.stem + _DIFFERS + out.suffix)
        _move(folder, path, out)
    exported = Export(out, signature, differences, graph.reason or reason)
    if differs:
        raise ValueError(
            f"the outputs of the exported file differ from PyTorch's: {describe(exported)} of the range; at most "
            f"{100 * TOLERANCE:g} % is allowed. The file was kept as {out} for inspection only. Try another format."
        )
    return exported


def _check(
    network: InferenceNetwork, backend: type[GraphBackend], path: Path, size: tuple[int, int]
) -> tuple[Signature, dict[tuple[int, int, int], dict[str, float]]]:
    """The signature of a file that was just written, and its differences from PyTorch."""
    loaded = backend.load(path)
    differences: dict[tuple[int, int, int], dict[str, float]] = {}
    for images in _images_to_check(network, loaded.signature, size):
        try:
            found = compare(network, loaded, images)
        except Exception as error:  # each library raises its own exceptions
            sizes = " x ".join(map(str, images.shape))
            raise NotExpressibleError(
                f"{backend.name} cannot compute images of {sizes}: {first_line(error)}"
            ) from error
        n, _, height, width = images.shape
        differences[n, height, width] = found
    return loaded.signature, differences


def describe(exported: Export) -> str:
    """The largest difference of each output as text."""
    found = exported.differences.values()
    worst = {name: max(differences[name] for differences in found) for name in exported.signature.outputs}
    return ", ".join(f"{name} by up to {100 * value:.2g} %" for name, value in worst.items())


def _as_input(network: InferenceNetwork, images: Tensor) -> Tensor:
    """uint8 images (N, 3, H, W) as the network takes them."""
    if network.end_to_end:
        return images
    preprocessor = network.model.data_preprocessor
    return preprocessor.normalise(images.to(preprocessor.mean.device))


def _images_to_check(network: InferenceNetwork, signature: Signature, size: tuple[int, int]) -> Iterator[Tensor]:
    """Random images of two sizes and batch sizes, if both are supported. They are smooth, so that edges are rare."""
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
def _temporary_folder(out: Path) -> Iterator[Path]:
    """A temporary folder on the same disk as `out`, so that moving a file out of it is atomic."""
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        folder = tempfile.TemporaryDirectory(prefix=".exporting-", dir=out.parent)
    except OSError as error:
        raise OSError(error.errno, f"{out} cannot be written: {error.strerror}. Choose a writable folder") from error
    with folder, removed_at_end(folder.name):  # PyTorch's exporter may swallow the exception of a signal
        yield Path(folder.name)


def _move(folder: Path, main: Path, out: Path) -> None:
    """Move the files of an export out of a temporary folder, the main file last.

    An older export of several files is removed before, so that its parts never mix with new ones.
    """
    others = sorted(file for file in folder.iterdir() if file != main)
    if others:  # weights outside the main file: .bin of OpenVINO, .onnx.data of large networks
        out.unlink(missing_ok=True)
    for file in (*others, main):
        flush_to_disk(file)
        os.replace(file, out.with_name(out.stem + file.name.removeprefix(main.stem)))


def _write(backend: type[GraphBackend], graph: Graph, path: Path, options: BuildOptions) -> None:
    try:
        backend.write(graph, path, options)
    except Exception as error:  # each library raises its own exceptions, also if the disk is full
        if disk_is_full(error) or free_space(path.parent) < _NEARLY_FULL:
            full = error if disk_is_full(error) else OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            raise write_error(full, path.parent.parent, what=f"the network to {path.parent.parent}") from error
        if isinstance(error, (ValueError, ImportError, OSError)):
            raise
        raise NotExpressibleError(f"{backend.name} cannot express the network: {first_line(error)}") from error
