from typing import Any


def named_leaves(tree: Any, name: str) -> dict[str, Any]:
    """The leaves of a tree (dict, list, tuple) by name: the keys and positions that lead to them, joined by dots.

    Examples:
        >>> named_leaves({"centre": 1, "offsets": [2, 3]}, "panoptic")
        {'panoptic.centre': 1, 'panoptic.offsets.0': 2, 'panoptic.offsets.1': 3}
    """
    if isinstance(tree, dict):
        items = list(tree.items())
    elif isinstance(tree, list | tuple):
        items = list(enumerate(tree))
    else:
        return {name: tree}
    return {path: leaf for key, value in items for path, leaf in named_leaves(value, f"{name}.{key}").items()}
