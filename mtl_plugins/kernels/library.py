import ctypes
import hashlib
import logging
import os
import platform
import shlex
import shutil
import subprocess
import tempfile
import threading
from pathlib import Path

import torch
from torch import Tensor

_FOLDER = Path(__file__).parent
_FLAGS = ("-std=c++17", "-O3", "-march=native", "-ffp-contract=off", "-fwrapv", "-fopenmp", "-shared", "-fPIC")
_TIMEOUT = 120  # seconds

_library: ctypes.CDLL | None = None
_warmed_up = False
_lock = threading.Lock()


def warm_up() -> bool:
    """Compile and load the custom CPU kernels, and return whether they are available.

    The first call on a machine compiles the `.cpp` files of this folder, which takes some seconds. The library is
    stored in `~/.cache/mtl_plugins` (or `$XDG_CACHE_HOME/mtl_plugins`) and reused by later processes. Further calls in
    the same process return immediately. The compiler is `$CXX`, else `g++`, else `clang++`. With `MTL_KERNELS=0`
    nothing is compiled or loaded.

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
        logging.getLogger(__name__).warning(
            "The custom CPU kernels are not available: %s PyTorch's operators compute the same result more slowly. "
            "Set MTL_KERNELS=0 to hide this message.",
            error,
        )
        return None


def _load():
    path = _compile()
    try:
        return ctypes.CDLL(str(path))
    except OSError:  # a damaged file, e.g. after a full disk
        path.unlink()
        return ctypes.CDLL(str(_compile()))


def _compile():
    """Path of the compiled library. It is compiled if the cache does not hold it."""
    sources, headers = sorted(_FOLDER.glob("*.cpp")), sorted(_FOLDER.glob("*.h"))
    command = [*_compiler(), *_FLAGS]
    # The library depends on the sources, the compiler, torch (its OpenMP runtime is linked) and the processor.
    texts = [path.read_text() for path in (*sources, *headers)]
    machine = (platform.machine(), _processor_flags(), platform.libc_ver())
    digest = hashlib.sha256(repr((texts, command, torch.__version__, machine)).encode())
    path = _cache_folder() / f"kernels-{digest.hexdigest()[:16]}.so"
    if path.exists():
        return path
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RuntimeError(
            f"cannot create the cache folder {path.parent} ({error.strerror}); set XDG_CACHE_HOME."
        ) from error
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        output = Path(folder) / path.name
        try:
            done = subprocess.run(
                [*command, *map(str, sources), "-o", str(output)], capture_output=True, text=True, timeout=_TIMEOUT
            )
        except subprocess.TimeoutExpired:
            raise RuntimeError(f"{command[0]} took more than {_TIMEOUT} s to compile {_FOLDER}.") from None
        if done.returncode:
            lines = done.stderr.strip().splitlines() or ["no message"]
            reason = next((line for line in lines if "error" in line), lines[0])
            raise RuntimeError(f"{command[0]} cannot compile {_FOLDER}: {reason}.")
        os.replace(output, path)  # atomic: other processes may compile it at the same time
    return path


def _compiler():
    """The compiler command as a list of words. `CXX` may contain options or a wrapper (`ccache g++`)."""
    try:
        named = shlex.split(os.environ.get("CXX", ""))
    except ValueError as error:
        raise RuntimeError(f"CXX is not a valid command: {error}.") from error
    for words in [named] if named else [["g++"], ["clang++"]]:
        if shutil.which(words[0]):
            return words
    raise RuntimeError(f"no C++ compiler was found ({' '.join(named) or 'g++ or clang++'}).")


def _cache_folder():
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "mtl_plugins"


def _processor_flags():
    """The processor features that `-march=native` depends on."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line for line in lines if line.startswith(("flags", "Features"))), "")
