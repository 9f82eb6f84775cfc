from collections.abc import Sequence
from pathlib import Path
from typing import Any

from torch import Tensor

from mtl_plugins.did_you_mean import did_you_mean
from mtl_plugins.models import InferenceNetwork

from .backend import Backend
from .build_options import BuildOptions
from .compile_backend import CompileBackend
from .graph import first_line
from .graph_backend import GraphBackend
from .onnxruntime_backend import OnnxRuntimeBackend
from .openvino_backend import OpenVinoBackend
from .torch_backend import TorchBackend
from .torch_export_backend import TorchExportBackend

BACKENDS: dict[str, type[Backend]] = {
    backend.name: backend
    for backend in (TorchBackend, CompileBackend, TorchExportBackend, OnnxRuntimeBackend, OpenVinoBackend)
}
FORMATS: dict[str, type[GraphBackend]] = {  # export formats
    "onnx": OnnxRuntimeBackend,
    "openvino": OpenVinoBackend,
    "torch-export": TorchExportBackend,
}
SUFFIXES = {backend.suffix: backend for backend in FORMATS.values()}


def available_backends() -> tuple[str, ...]:
    """Names of the backends whose libraries are installed."""
    return tuple(name for name, backend in BACKENDS.items() if backend.is_available())


def build_backend(
    name: str,
    network: InferenceNetwork,
    size: tuple[int, int] = (480, 640),
    precision: str = "float32",
    batch: int | None = None,
    fixed_size: bool = True,
    calibration: Sequence[Tensor] | None = None,
    **settings: Any,
) -> Backend:
    """Build a backend for a network.

    Args:
        name: One of `BACKENDS`.
        network: The network to compute.
        size: (H, W) of the images; an example if `fixed_size` is False. The PyTorch backends support any size.
        precision: One of the backend's `precisions`.
        batch: Batch size; None for any.
        fixed_size: Whether images have only this size, which can be faster.
        calibration: For int8 only: images as the network takes them.
        **settings: Settings of the backend: `threads`, `device`, ...

    Raises:
        ValueError: Unknown backend or precision, calibration without int8, or the network cannot be
            expressed as a graph.
        ImportError: A library is not installed; the message contains the command that installs it.
    """
    backend = find_backend(name)
    check_precision(backend, precision)
    if calibration is not None and precision != "int8":
        raise ValueError(f"calibration images are only for precision='int8'; given: precision={precision!r}.")
    height, width = size
    options = BuildOptions((height, width), precision, batch, fixed_size, calibration)
    return backend.build(network, options, **settings)


def load_backend(path: str | Path, **settings: Any) -> Backend:
    """Load an exported file. Its suffix determines the backend.

    Args:
        path: A file that `mtl export` wrote.
        **settings: Settings of the backend: `threads`, `device`, ...

    Raises:
        FileNotFoundError: The file does not exist.
        ValueError: The file was not written by `mtl export`, or it is damaged.
        ImportError: A library is not installed.
    """
    path = Path(path)
    backend = SUFFIXES.get(path.suffix)
    if backend is None:
        raise ValueError(f"{path} is not an exported network: its suffix must be one of {', '.join(SUFFIXES)}.")
    if not path.is_file():
        raise FileNotFoundError(f"the exported network {path} does not exist: write it with mtl export.")
    try:
        return backend.load(path, **settings)
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{path} cannot be read by {backend.name}: it is damaged ({error}). Export the network again."
        ) from error
    except (ImportError, ValueError):
        raise
    except Exception as error:  # each library raises its own exceptions for damaged files
        raise ValueError(
            f"{path} cannot be read by {backend.name}: {first_line(error)}. It may be damaged or incomplete: export "
            f"the network again."
        ) from error


def find_backend(name: str) -> type[Backend]:
    """The backend of a name.

    Raises:
        ValueError: The name is unknown.
    """
    if name not in BACKENDS:
        hint = did_you_mean(name, BACKENDS)
        raise ValueError(
            f"backend {name!r} does not exist: {hint}choose from {', '.join(BACKENDS)}, or give an exported file "
            f"({', '.join(SUFFIXES)})."
        )
    return BACKENDS[name]


def check_precision(backend: type[Backend], precision: str) -> None:
    """Raise a `ValueError` if a backend does not support a precision."""
    if precision not in backend.precisions:
        raise ValueError(
            f"{backend.name} supports the precisions {', '.join(backend.precisions)}; given: {precision!r}."
        )
