"""What a dataset's `label_space` option means: the classes, the palette and the class map."""

from collections.abc import Mapping
from typing import Any

from mtl_plugins.label_spaces import label_space

Metainfo = Mapping[str, Any]


def metainfo_of_space(name: str, overrides: Metainfo | None = None) -> dict[str, Any]:
    """Classes and palette of a label space, updated with `overrides`."""
    return {**label_space(name).metainfo, **(overrides or {})}


def remap_classes(
    stored: str, wanted: str, metainfo: Metainfo | None
) -> tuple[tuple[str, str] | None, Metainfo | None]:
    """The class map and metainfo of a dataset that stores ids of one label space and returns those of another.

    If both spaces are the same, the ids are not mapped and `metainfo` is unchanged: the files may then contain other
    classes, which `metainfo` names.

    Args:
        stored: Label space of the files.
        wanted: Label space that the dataset returns.
        metainfo: The user's metainfo; it overrides that of the label space.
    """
    if wanted == stored:
        return None, metainfo
    return (stored, wanted), metainfo_of_space(wanted, metainfo)
