import math
from collections.abc import Sequence
from typing import TypeVar

from .holdout_split import VAL_EVERY, holdout_split

Item = TypeVar("Item")

#: Number of blocks that a recording is cut into.
BLOCKS = 10
_GAP = 0.1  # of a block, on both sides of a validation block


def block_split(items: Sequence[Item], split: str, blocks: int = BLOCKS, every: int = VAL_EVERY) -> list[Item]:
    """A deterministic split of the consecutive frames of a recording.

    Neighbouring frames are nearly equal, so single frames must not be held out. The items are cut into equal blocks.
    One block in `every` is for validation. Training leaves out the items next to a validation block: a tenth of a
    block, rounded up, on each side.

    Args:
        items: All items, in the order of the recording.
        split: `'train'`, `'val'` or `'trainval'` (all items).
        blocks: Number of blocks.
        every: One block in this many is for validation: the last of each `every` consecutive blocks.

    Raises:
        ValueError: The split is unknown, `every` is below 2, or there are fewer blocks than `every`.

    Examples:
        >>> block_split("abcdefghij", "val"), block_split("abcdefghij", "train")
        (['e', 'j'], ['a', 'b', 'c', 'g', 'h'])
    """
    if blocks < every:
        raise ValueError(f"blocks={blocks}: one block in {every} is for validation, so at least {every} are required.")
    if split == "trainval":
        return list(items)
    ends = [round(len(items) * block / blocks) for block in range(blocks + 1)]
    held_out = [(ends[block], ends[block + 1]) for block in holdout_split(range(blocks), "val", every)]
    held_out = [(start, end) for start, end in held_out if start < end]  # fewer items than blocks
    if split == "val":
        return [item for start, end in held_out for item in items[start:end]]
    holdout_split(items, split, every)  # raises for an unknown split
    gap = math.ceil(_GAP * len(items) / blocks)
    return [item for i, item in enumerate(items) if not any(start - gap <= i < end + gap for start, end in held_out)]
