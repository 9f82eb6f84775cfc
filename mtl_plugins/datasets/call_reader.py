from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from .bad_samples import READ_ERRORS
from .data_error import DataError

_KINDS = (FileNotFoundError, *READ_ERRORS, TypeError)


def call_reader(reader: Callable, task: str, path: Path, dataset: str) -> Any:
    """Read a label; errors name the label, the file and the reader.

    An error about data that names the file is raised unchanged, and so is every `DataError`.

    Args:
        reader: The reader, or a `functools.partial` of it.
        task: The label.
        path: Its file.
        dataset: Name of the dataset.

    Raises:
        ValueError, OSError, FileNotFoundError, EOFError, TypeError: The reader raised an error of that type.
        RuntimeError: It raised an error of another type, which the message names.
    """
    try:
        return reader(path)
    except (DataError, MemoryError):
        raise
    except Exception as error:
        if isinstance(error, READ_ERRORS) and str(path) in str(error):
            raise
        # Not the type itself: its constructor may take other arguments, and a StopIteration would end the epoch
        kind = next((each for each in _KINDS if isinstance(error, each)), RuntimeError)
        function = reader.func if isinstance(reader, partial) else reader
        name = getattr(function, "__qualname__", type(function).__name__)
        raise kind(
            f"{dataset}: the reader {name} of the label {task!r} failed for {path}: {type(error).__name__}: {error}"
        ) from error
