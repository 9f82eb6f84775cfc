import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

_TIMEOUT = 120  # seconds
_LOAD = "import ctypes, sys; ctypes.CDLL(sys.argv[1]).vector_size()"


def find_compiler() -> list[str]:
    """The compiler command as a list of words. `CXX` may contain options or a wrapper (`ccache g++`).

    Raises:
        RuntimeError: No compiler was found, or `CXX` is not a valid command.
    """
    try:
        named = shlex.split(os.environ.get("CXX", ""))
    except ValueError as error:
        raise RuntimeError(f"CXX is not a valid command: {error}.") from error
    for words in [named] if named else [["g++"], ["clang++"]]:
        if shutil.which(words[0]):
            return words
    raise RuntimeError(f"no C++ compiler was found ({' '.join(named) or 'g++ or clang++'}).")


def compile_library(command: Sequence[str], sources: Sequence[Path]) -> bytes:
    """Compile a shared library in a temporary folder and return its content.

    Args:
        command: The compiler and its options.
        sources: The `.cpp` files.

    Raises:
        RuntimeError: The compiler fails or takes too long, or its library ends the process that loads it.
        OSError: The temporary folder cannot be written.
    """
    with tempfile.TemporaryDirectory(prefix="mtl-kernels-", ignore_cleanup_errors=True) as folder:
        output = Path(folder) / "kernels.so"
        code, errors = _run([*command, *map(str, sources), "-o", str(output)])
        if code or not output.is_file():
            lines = errors.strip().splitlines() or ["no message"]
            reason = next((line for line in lines if "error" in line), lines[0])
            raise RuntimeError(f"{command[0]} cannot compile {sources[0].parent}: {reason}.")
        # a compiler for another processor writes a library that would end this process
        code, _ = _run([sys.executable, "-I", "-S", "-c", _LOAD, str(output)])
        if code < 0:
            raise RuntimeError(
                f"the library that {command[0]} wrote does not run here ({signal.Signals(-code).name}). "
                "Is CXX a compiler for this processor?"
            )
        return output.read_bytes()


def _run(command: list[str]) -> tuple[int, str]:
    """Exit status and error output of a command. Its child processes are stopped with it after a timeout or Ctrl-C."""
    null = subprocess.DEVNULL
    with subprocess.Popen(
        command, stdin=null, stdout=null, stderr=subprocess.PIPE, text=True, errors="replace", start_new_session=True
    ) as process:
        try:
            errors = process.communicate(timeout=_TIMEOUT)[1]
        except BaseException as error:
            with suppress(OSError):
                os.killpg(process.pid, signal.SIGKILL)
            if isinstance(error, subprocess.TimeoutExpired):
                raise RuntimeError(f"{command[0]} took more than {_TIMEOUT} s.") from None
            raise
        return process.returncode, errors
