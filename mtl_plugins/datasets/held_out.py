#: One in so many images is held out for validation.
VAL_EVERY = 5


def held_out(items, split, every=VAL_EVERY):
    """The part of ``items`` that belongs to a split, where a set has no official one: the same for everybody.

    ``'val'``: the last of each ``every`` items in a row; ``'train'``: all others; ``'trainval'``: all.

    Raises:
        ValueError: no such split, or ``every`` below 2.
    """
    if every < 2:
        raise ValueError(f"val_every={every}: one in so many images is held out, so it is 2 or more.")
    if split == "trainval":
        return list(items)
    if split not in ("train", "val"):
        raise ValueError(f"split={split!r} is not known: train, val (one in {every} images) or trainval.")
    return [item for place, item in enumerate(items) if (place % every == every - 1) == (split == "val")]
