from pathlib import Path

from mtl_plugins.models import InferenceNetwork

from .backend import Backend
from .compile_backend import CompileBackend
from .graph_backend import GraphBackend
from .onnxruntime_backend import OnnxRuntimeBackend
from .openvino_backend import OpenVinoBackend
from .torch_backend import TorchBackend
from .torch_export_backend import TorchExportBackend

BACKENDS: dict[str, type[Backend]] = {
    backend.name: backend
    for backend in (TorchBackend, CompileBackend, TorchExportBackend, OnnxRuntimeBackend, OpenVinoBackend)
}
FORMATS: dict[str, type[GraphBackend]] = {  # of tools/export.py
    "onnx": OnnxRuntimeBackend,
    "openvino": OpenVinoBackend,
    "torch-export": TorchExportBackend,
}
SUFFIXES = {backend.suffix: backend for backend in FORMATS.values()}


def available_backends() -> tuple[str, ...]:
    """Names of those whose libraries are installed."""
    return tuple(name for name, backend in BACKENDS.items() if backend.is_available())


def build_backend(
    name: str,
    network: InferenceNetwork,
    size: tuple[int, int] = (480, 640),
    precision: str = "float32",
    batch: int | None = None,
    fixed_size: bool = True,
    **options,
) -> Backend:
    """The backend of a network.

    Args:
        name: One of ``BACKENDS``.
        size: (H, W) of the images; where ``fixed_size`` is not set, an example of it. PyTorch itself takes any.
        precision: One of the backend's ``precisions``.
        batch: Images at a time; ``None``: any number.
        fixed_size: Whether no other size is wanted, which can be faster.
        **options: Of the backend: ``threads``, ``device``, ``calibration`` ...

    Raises:
        ValueError: no such backend or precision, or the network can't be expressed as the graph that it needs.
        ImportError: its library is not installed; the message says what to install.
    """
    backend = find_backend(name)
    check_precision(backend, precision)
    return backend.build(network, tuple(size), precision, batch, fixed_size, **options)


def load_backend(path: str | Path, **options) -> Backend:
    """The backend of an exported file, chosen by its suffix.

    Raises:
        FileNotFoundError, ValueError: there is no such file, or it is none of ``tools/export.py``'s.
        ImportError: as for ``build_backend``.
    """
    path = Path(path)
    backend = SUFFIXES.get(path.suffix)
    if backend is None:
        raise ValueError(f"{path} is no exported network: their files end with {', '.join(SUFFIXES)}.")
    if not path.is_file():
        raise FileNotFoundError(f"there is no exported network {path}: write it with tools/export.py.")
    try:
        return backend.load(path, **options)
    except (ImportError, ValueError):
        raise
    except Exception as error:  # each library has its own for a file that is cut off
        raise ValueError(f"{path} can't be read by {backend.name}: {error}") from error


def find_backend(name: str) -> type[Backend]:
    if name not in BACKENDS:
        raise ValueError(f"there is no backend {name!r}: choose one of {', '.join(BACKENDS)}.")
    return BACKENDS[name]


def check_precision(backend: type[Backend], precision: str) -> None:
    if precision not in backend.precisions:
        raise ValueError(f"{backend.name} computes in {', '.join(backend.precisions)}; given: {precision!r}.")
