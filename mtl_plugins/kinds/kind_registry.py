"""The kinds by name, and the kind of each task."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import numpy as np
import torch

from mtl_plugins.did_you_mean import did_you_mean

from .kind import Kind

KindClass = TypeVar("KindClass", bound=type[Kind])

_KINDS: dict[str, Kind] = {}  # by name and alias
_KIND_OF_TASK: dict[str, Kind] = {}
_TITLES: dict[str, str] = {}


def register_kind(cls: KindClass) -> KindClass:
    """Class decorator that makes a kind known by its name, its aliases and its tasks.

    A task name that another kind has claimed moves to the new kind.

    Raises:
        ValueError: Another kind has the same name.
    """
    kind = cls()
    for name in (kind.name, *kind.aliases):
        other = _KINDS.get(name)
        if other is not None and type(other).__qualname__ != cls.__qualname__:
            raise ValueError(f"{cls.__name__}: the kind {name!r} already exists ({type(other).__name__}). Rename it.")
        _KINDS[name] = kind
    for task, title in kind.tasks.items():
        _KIND_OF_TASK[task], _TITLES[task] = kind, title
    return cls


def find_kind(name: "str | Kind") -> Kind:
    """The kind with a name or alias.

    Raises:
        ValueError: There is no such kind; the message lists the known names.

    Examples:
        >>> find_kind("depth").name
        'metric_depth'
    """
    if isinstance(name, Kind):
        return name
    if name not in _KINDS:
        hint = did_you_mean(name, _KINDS)
        raise ValueError(
            f"Unknown kind {name!r}: {hint}Known: {', '.join(list_kinds())}. Import the file of a custom kind with "
            "custom_imports = dict(imports=['your_module'])."
        )
    return _KINDS[name]


def list_kinds() -> tuple[str, ...]:
    """The names of all registered kinds."""
    return tuple(dict.fromkeys(kind.name for kind in _KINDS.values()))


def kind_of_task(task: str, maps: Any | Sequence[Any] = (), kinds: Mapping[str, str] | None = None) -> Kind:
    """The kind of a task: as `kinds` states, else by the name of the task if that is known, else by its values.

    Args:
        task: Name of the task.
        maps: One map or several, arrays or tensors (K, H, W), (H, W) or (K,). Integer maps of one channel are classes;
            everything else is plain numbers.
        kinds: Known kinds, `{task: name of the kind}`, such as those of a network's heads.

    Examples:
        >>> kind_of_task("normals").name, kind_of_task("terrain", np.zeros((1, 4, 4), np.uint8)).name
        ('unit_vectors', 'classes')
    """
    if kinds and task in kinds:
        return find_kind(kinds[task])
    if task in _KIND_OF_TASK:
        return _KIND_OF_TASK[task]
    maps = [maps] if isinstance(maps, np.ndarray | torch.Tensor) else list(maps)
    if maps and all(_is_integer(values) for values in maps):
        if all(values.ndim <= 1 and max(values.shape, default=1) == 1 for values in maps):
            return _KINDS["image_classes"]
        if all(values.ndim == 2 or values.shape[0] == 1 for values in maps):
            return _KINDS["classes"]
    return _KINDS["numbers"]


def kinds_of_heads(heads: Mapping[str, Any]) -> dict[str, str]:
    """`{task: name of its kind}` of all heads whose kind is not `"numbers"`.

    `"numbers"` is the default of heads, so for these `kind_of_task` derives the kind from the task and its values.
    """
    kinds = {task: getattr(head, "kind", "numbers") for task, head in heads.items()}
    return {task: kind for task, kind in kinds.items() if kind != "numbers"}


def task_title(task: str) -> str:
    """The title of a task in pictures, for example `'surface normals'` for `'normals'`."""
    return _TITLES.get(task, task)


def _is_integer(values: np.ndarray | torch.Tensor) -> bool:
    if isinstance(values, torch.Tensor):
        return not values.is_floating_point() and not values.is_complex()
    return values.dtype == bool or np.issubdtype(values.dtype, np.integer)
