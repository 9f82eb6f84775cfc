from collections.abc import Iterable
from typing import TypeVar

Item = TypeVar("Item")

#: One in this many images is held out for validation.
VAL_EVERY = 5


def holdout_split(items: Iterable[Item], split: str, every: int = VAL_EVERY) -> list[Item]:
    """A deterministic split of `items` for datasets without an official validation split.

    Args:
        items: All items, in a fixed order.
        split: `'val'`: the last of each `every` consecutive items; `'train'`: all others; `'trainval'`: all items.
        every: One in this many items is held out.

    Raises:
        ValueError: The split is unknown, or `every` is below 2.

    Examples:
        >>> holdout_split("abcdef", "val", every=3)
        ['c', 'f']
    """
    if every < 2:
        raise ValueError(f"val_every={every}: one in val_every images is held out, so it must be at least 2.")
    if split == "trainval":
        return list(items)
    if split not in ("train", "val"):
        raise ValueError(f"unknown split={split!r}: use 'train', 'val' (one in {every} images) or 'trainval'.")
    return [item for place, item in enumerate(items) if (place % every == every - 1) == (split == "val")]
