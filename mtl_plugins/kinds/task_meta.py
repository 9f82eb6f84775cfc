"""The parts of METAINFO that describe one task, and one of several datasets."""

from collections.abc import Iterable, Mapping
from typing import Any

from mtl_plugins.did_you_mean import did_you_mean

_NAMED_TASK = "semseg"  # `classes` and `palette` belong to this task


def meta_of_task(task: str, meta: Mapping[str, Any]) -> dict[str, Any]:
    """The part of METAINFO that describes a task.

    `classes` and `palette` are those of `semseg`. `task_classes` and `task_palettes`, dicts by task, contain those of
    other tasks.

    Args:
        task: Name of the task.
        meta: METAINFO of the dataset.

    Returns:
        A dict with `classes` and `palette`; empty if nothing is known about the task.

    Examples:
        >>> meta_of_task("scene", {"task_classes": {"scene": ("kitchen", "office")}})
        {'classes': ('kitchen', 'office')}
    """
    if task == _NAMED_TASK:
        return {"classes": meta.get("classes"), "palette": meta.get("palette")}
    names = (meta.get("task_classes") or {}).get(task)
    palette = (meta.get("task_palettes") or {}).get(task)
    return {} if names is None else {"classes": names} | ({} if palette is None else {"palette": palette})


def with_task_meta(meta: Mapping[str, Any], task: str, found: Mapping[str, Any]) -> dict[str, Any]:
    """METAINFO with another description of a task; the inverse of `meta_of_task`."""
    if task == _NAMED_TASK:
        return {**meta, **found}
    result = dict(meta)
    for key, name in (("task_classes", "classes"), ("task_palettes", "palette")):
        if found.get(name) is not None:
            result[key] = {**(meta.get(key) or {}), task: found[name]}
    return result


def meta_of_dataset(meta: Mapping[str, Any], name: str | None) -> dict[str, Any]:
    """The METAINFO for images of one of several datasets.

    The classes of a task are those of the dataset if it has labels of the task, or if the task's head distinguishes the
    dataset (`head_datasets`, see `head_meta`). Otherwise the head can only predict the classes of the datasets that do
    have labels, whatever the image.

    Args:
        meta: METAINFO with the item `datasets`, see `combine_metainfo`. Without it, `meta` is returned.
        name: Name of the dataset; None for an image of no dataset.

    Raises:
        ValueError: There is no such dataset.
    """
    parts: Mapping[str, Mapping[str, Any]] = meta.get("datasets") or {}
    if not parts:
        return dict(meta)
    if name is not None:
        require_dataset(name, parts)
    own = parts[name] if name is not None else {}
    result = dict(meta if name is None else own)
    for task in tasks_with_classes(meta):
        distinguished = name is not None and name in meta.get("head_datasets", {}).get(task, ())
        if meta_of_task(task, own).get("classes") and (distinguished or has_label(task, own)):
            continue
        lists = class_lists(task, meta)
        result = with_task_meta(result, task, lists[0] if len(lists) == 1 else meta_of_task(task, meta))
    return result


def class_lists(task: str, meta: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The different `classes` and `palette` of a task in the datasets that have its labels, or if none has, in all."""
    lists: dict[tuple[str, ...], dict[str, Any]] = {}
    for found in described_parts(task, meta.get("datasets") or {}).values():
        lists.setdefault(tuple(found["classes"]), found)
    return list(lists.values())


def described_parts(task: str, parts: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """The `classes` and `palette` of a task, by dataset.

    Args:
        task: Name of the task.
        parts: METAINFO of each dataset.

    Returns:
        The datasets that name the task's classes and have its labels; if there are none, all that name its classes.
    """
    described = {name: found for name, part in parts.items() if (found := meta_of_task(task, part)).get("classes")}
    return {name: found for name, found in described.items() if has_label(task, parts[name])} or described


def has_label(task: str, meta: Mapping[str, Any]) -> bool:
    """Whether a dataset has labels of a task; True if its METAINFO does not state its tasks."""
    return task in meta.get("tasks", (task,))


def tasks_with_classes(meta: Mapping[str, Any]) -> tuple[str, ...]:
    """The tasks whose classes a dataset of METAINFO names."""
    named = (task for part in (meta.get("datasets") or {}).values() for task in part.get("task_classes") or ())
    return tuple(dict.fromkeys((_NAMED_TASK, *named)))


def head_meta(heads: Mapping[str, Any]) -> dict[str, Any]:
    """The item `head_datasets` of METAINFO: `{task: names of the datasets that its head distinguishes}`."""
    return {"head_datasets": {task: tuple(getattr(head, "datasets", ())) for task, head in heads.items()}}


def require_dataset(name: str, known: Iterable[str], what: str = "dataset") -> None:
    """Raise ValueError unless a dataset exists.

    Args:
        name: Its name.
        known: The names of all datasets.
        what: The option that names it, for the message.
    """
    known = tuple(known)
    if name not in known:
        hint = did_you_mean(name, known)
        raise ValueError(f"{what} {name!r} does not exist: {hint}choose one of {', '.join(known)}.")
