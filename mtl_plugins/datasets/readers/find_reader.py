from collections.abc import Callable
from functools import partial

from mtl_plugins.did_you_mean import did_you_mean
from mtl_plugins.kinds import list_kinds
from mtl_plugins.registry import FUNCTIONS

from .binary import read_binary
from .class_ids import read_classes
from .dense_map import read_map
from .depth import read_depth
from .edges import read_edges
from .image_label import read_image_class, read_image_numbers
from .instances import read_instances
from .kind import read_kind
from .normals import read_normals
from .vectors import read_vectors

#: Readers by the short name that a config uses.
READERS: dict[str, Callable] = dict(
    binary=read_binary,
    classes=read_classes,
    depth=read_depth,
    edges=read_edges,
    image=read_map,
    instances=read_instances,
    normals=read_normals,
    text_class=read_image_class,
    text_numbers=read_image_numbers,
    vectors=read_vectors,
)


def find_reader(reader: str | Callable, task: str) -> Callable:
    """Look up a label reader.

    Args:
        reader: A short name in `READERS`, a name in `FUNCTIONS`, the name of a kind, or the function itself.
        task: The label's task, for the error message.

    Raises:
        KeyError: The name is unknown.
    """
    if callable(reader):
        return reader
    if reader in READERS:
        return READERS[reader]
    if reader in list_kinds() and reader not in FUNCTIONS.module_dict:
        return partial(read_kind, kind=reader)
    if reader in FUNCTIONS:
        return FUNCTIONS.get(reader)
    hint = did_you_mean(reader, {*READERS, *list_kinds(), *FUNCTIONS.module_dict})
    raise KeyError(
        f"unknown reader {reader!r} for the label {task!r}: {hint}use one of {sorted(READERS)}, a kind of "
        "mtl_plugins.kinds, a function registered with @FUNCTIONS.register_module(), or a callable(path)."
    )
