import ctypes
import functools
import hashlib
import logging
import os
import platform
import shlex
import shutil
import subprocess
import tempfile
from pathlib import Path

import torch
from torch import Tensor

_FOLDER = Path(__file__).parent
_FLAGS = ("-std=c++17", "-O3", "-march=native", "-ffp-contract=off", "-fwrapv", "-fopenmp", "-shared", "-fPIC")
_SECONDS = 120


@functools.cache
def kernel_library() -> ctypes.CDLL | None:
    """The functions of the ``.cpp`` files here; ``None`` where they can't be had.

    They are compiled when they are first wanted, which takes some seconds, and kept in ``~/.cache/mtl_plugins``
    (``XDG_CACHE_HOME``). The compiler is ``$CXX``, else ``g++``, else ``clang++``. ``MTL_KERNELS=0`` does without.
    """
    if os.environ.get("MTL_KERNELS") == "0":
        return None
    try:
        return _loaded()
    except (OSError, RuntimeError, ValueError) as error:
        logging.getLogger(__name__).warning(
            "The decoder is computed by PyTorch's own operators, the same answer but slower on a CPU: %s "
            "(MTL_KERNELS=0 spares this line.)",
            error,
        )
        return None


def _loaded():
    path = _compiled()
    try:
        return ctypes.CDLL(str(path))
    except OSError:  # torn by a full disk, say
        path.unlink()
        return ctypes.CDLL(str(_compiled()))


def call(name: str, *arguments: Tensor | int) -> None:
    """Call a function of the library: tensors as pointers, numbers as int64; threads come last."""
    values = (
        ctypes.c_int64(argument) if isinstance(argument, int) else ctypes.c_void_p(argument.data_ptr())
        for argument in arguments
    )
    getattr(kernel_library(), name)(*values, ctypes.c_int(torch.get_num_threads()))


def _compiled():
    sources, headers = sorted(_FOLDER.glob("*.cpp")), sorted(_FOLDER.glob("*.h"))
    command = [*_compiler(), *_FLAGS]
    # Another source, compiler, torch (it brings the OpenMP that is linked) or processor: another library.
    texts = [path.read_text() for path in (*sources, *headers)]
    machine = (platform.machine(), _processor(), platform.libc_ver())
    known = hashlib.sha256(repr((texts, command, torch.__version__, machine)).encode())
    path = _cache() / f"kernels-{known.hexdigest()[:16]}.so"
    if path.exists():
        return path
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RuntimeError(f"no cache can be made at {path.parent} ({error.strerror}): set XDG_CACHE_HOME.") from error
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        written = Path(folder) / path.name
        try:
            done = subprocess.run(
                [*command, *map(str, sources), "-o", str(written)], capture_output=True, text=True, timeout=_SECONDS
            )
        except subprocess.TimeoutExpired:
            raise RuntimeError(f"{command[0]} took more than {_SECONDS} s to compile {_FOLDER}.") from None
        if done.returncode:
            lines = done.stderr.strip().splitlines() or ["no message"]
            told = next((line for line in lines if "error" in line), lines[0])
            raise RuntimeError(f"{command[0]} can't compile {_FOLDER}: {told}.")
        os.replace(written, path)  # whole, or not at all: other processes may compile it at the same time
    return path


def _compiler():
    """The command, as words: ``CXX`` may hold options or a wrapper (``ccache g++``)."""
    try:
        named = shlex.split(os.environ.get("CXX", ""))
    except ValueError as error:
        raise RuntimeError(f"CXX is not a command: {error}.") from error
    for words in [named] if named else [["g++"], ["clang++"]]:
        if shutil.which(words[0]):
            return words
    raise RuntimeError(f"there is no C++ compiler ({' '.join(named) or 'g++ or clang++'}).")


def _cache():
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "mtl_plugins"


def _processor():
    """What ``-march=native`` depends on."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line for line in lines if line.startswith(("flags", "Features"))), "")
