import ctypes
import hashlib
import logging
import os
import platform
import threading
from contextlib import suppress
from pathlib import Path

import torch
from torch import Tensor

from .compile_library import compile_library, find_compiler
from .library_cache import private_folder, read_trusted, store

_FOLDER = Path(__file__).parent
_FLAGS = ("-std=c++17", "-O3", "-march=native", "-ffp-contract=off", "-fwrapv", "-fopenmp", "-shared", "-fPIC")
_FUNCTIONS = (
    *(f"{name}_{dtype}" for name in ("pool", "crp", "scaled_relu6") for dtype in ("float32", "bfloat16")),
    *(f"{name}_backward_{dtype}" for name in ("pool", "crp", "scaled_relu6") for dtype in ("float32", "bfloat16")),
    *("taps_conv_float32", "taps_conv_bfloat16", "winograd_conv", "resized_cross_entropy", "vector_size"),
)

_library: ctypes.CDLL | None = None
_warmed_up = False
_lock = threading.Lock()


def warm_up() -> bool:
    """Compile and load the custom CPU kernels, and return whether they are available.

    The first call on a machine compiles the `.cpp` files of this folder, which takes some seconds. The library is
    stored in `~/.cache/mtl_plugins` (or `$XDG_CACHE_HOME/mtl_plugins`) and reused by later processes. It is compiled
    again if the file is damaged or may have been changed by another user. Further calls in the same process return
    immediately. The compiler is `$CXX`, else `g++`, else `clang++`. With `MTL_KERNELS=0` nothing is compiled or loaded.

    Until this function is called, the network uses PyTorch's operators: kernels are never compiled during a forward
    pass. `MultiTaskRunner` and `init_model` call it.
    """
    global _library, _warmed_up
    with _lock:
        if not _warmed_up:
            _library, _warmed_up = _open(), True
        return _library is not None


def kernel_library() -> ctypes.CDLL | None:
    """The compiled functions, or None if `warm_up` has not been called or has failed."""
    return _library


def call(name: str, *arguments: Tensor | int) -> None:
    """Call a function of the library. Tensors are passed as pointers, numbers as int64, the thread count last."""
    values = (
        ctypes.c_int64(argument) if isinstance(argument, int) else ctypes.c_void_p(argument.data_ptr())
        for argument in arguments
    )
    getattr(_library, name)(*values, ctypes.c_int(torch.get_num_threads()))


def vector_size() -> int:
    """Floats per vector register for which the library was compiled."""
    assert _library is not None, "call warm_up() first"
    return _library.vector_size()


def _open():
    if os.environ.get("MTL_KERNELS") == "0":
        return None
    try:
        return _load()
    except (OSError, RuntimeError, ValueError) as error:
        reason = str(error.strerror or error) if isinstance(error, OSError) else str(error)
        logging.getLogger(__name__).warning(
            "The custom CPU kernels are not available: %s PyTorch's operators compute the same result more slowly. "
            "Set MTL_KERNELS=0 to hide this message.",
            f"{reason.rstrip('.')}.",
        )
        return None


def _load():
    """The library of the cache, or a newly compiled one."""
    sources, headers = sorted(_FOLDER.glob("*.cpp")), sorted(_FOLDER.glob("*.h"))
    command = [*find_compiler(), *_FLAGS]
    # The library depends on the sources, the compiler, torch (its OpenMP runtime is linked) and the processor.
    texts = [path.read_text() for path in (*sources, *headers)]
    machine = (platform.machine(), _processor_flags(), platform.libc_ver())
    digest = hashlib.sha256(repr((texts, command, torch.__version__, machine)).encode())
    path = private_folder() / f"kernels-{digest.hexdigest()[:16]}.so"
    content = read_trusted(path)
    if content is not None:
        with suppress(OSError, RuntimeError):  # for example without a library that it needs
            return _from_bytes(content, path)
    content = compile_library(command, sources)
    library = _from_bytes(content, path)
    try:
        store(path, content)  # only after it could be loaded
    except OSError as error:
        logging.getLogger(__name__).warning("The compiled CPU kernels are used, but not kept: %s", error.strerror)
    return library


def _from_bytes(content: bytes, path: Path) -> ctypes.CDLL:
    """Load a library from memory: these very bytes were checked, and a later change of the file cannot reach them."""
    try:
        descriptor = os.memfd_create(path.name)
    except (AttributeError, OSError):  # not Linux, or forbidden
        if read_trusted(path) != content:
            store(path, content)
        library = ctypes.CDLL(str(path))
    else:
        # The descriptor stays open: the C library takes files of equal names for the same library.
        with open(descriptor, "wb", closefd=False) as file:
            file.write(content)
        library = ctypes.CDLL(f"/proc/self/fd/{descriptor}")
    missing = [name for name in _FUNCTIONS if not hasattr(library, name)]
    if missing:
        raise RuntimeError(f"the compiled library has no {', '.join(missing)}. Is CXX a C++ compiler?")
    return library


def _processor_flags():
    """The processor features that `-march=native` depends on."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line for line in lines if line.startswith(("flags", "Features"))), "")
