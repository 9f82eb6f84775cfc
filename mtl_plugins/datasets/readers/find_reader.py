from collections.abc import Callable

from mmengine.registry import FUNCTIONS

from .class_ids import read_classes
from .dense_map import read_map
from .depth import read_depth
from .normals import read_normals

#: Readers by the short name that a config uses.
READERS: dict[str, Callable] = dict(classes=read_classes, depth=read_depth, normals=read_normals, image=read_map)


def find_reader(reader: str | Callable, task: str) -> Callable:
    """Look up a label reader.

    Args:
        reader: A short name in `READERS`, a name in mmengine's `FUNCTIONS`, or the function itself.
        task: The label's task, for the error message.

    Raises:
        KeyError: The name is unknown.
    """
    if callable(reader):
        return reader
    found = READERS.get(reader) or FUNCTIONS.get(reader)
    if found is None:
        raise KeyError(
            f"unknown reader {reader!r} for the label {task!r}: use one of {sorted(READERS)}, a function registered "
            "with @mmengine.FUNCTIONS.register_module(), or a callable(path)."
        )
    return found
