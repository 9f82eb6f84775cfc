from collections.abc import Sequence


def check_index(head: str, index: int, channels: Sequence[int], strides: Sequence[int]) -> None:
    """Check that a feature exists which a head wants to read.

    Args:
        head: Class name of the head, for the message.
        index: The head's `in_index`.
        channels: Channels of the features.
        strides: Strides of the features.

    Raises:
        ValueError: It does not exist.
    """
    if isinstance(index, int) and -len(channels) <= index < len(channels):
        return
    found = ", ".join(
        f"{i}: {width} channels at stride {stride}"
        for i, (width, stride) in enumerate(zip(channels, strides, strict=True))
    )
    raise ValueError(
        f"{head}.in_index={index!r}, but the neck (or the backbone, without a neck) provides {len(channels)} "
        f"feature{'s' * (len(channels) > 1)} ({found}). Choose one of these indices; a negative one counts from the "
        "coarsest feature."
    )
