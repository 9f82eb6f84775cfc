import math
from collections.abc import Sequence

#: A share of 0 to 1, or a range (first, end) of shares.
Share = float | Sequence[float]


def images_with_label(share: Share, count: int, label: str) -> list[bool]:
    """Which of `count` images keep a label.

    Args:
        share: A number keeps that share of the images, evenly spread. A pair (first, end) keeps that range of the list.
        count: Number of images.
        label: Name of the label, for the error message.

    Raises:
        ValueError: The share is outside 0 to 1, or the range is empty or reversed.

    Examples:
        >>> images_with_label(0.5, 4, "depth")
        [False, True, False, True]
        >>> images_with_label((0, 0.5), 4, "depth")
        [True, True, False, False]
    """
    ends = (0.0, share) if isinstance(share, int | float) else tuple(share)
    if len(ends) != 2 or not 0 <= ends[0] <= ends[1] <= 1:
        raise ValueError(
            f"label_shares[{label!r}]={share!r}: must be a share of 0 to 1, or (first, end) with "
            "0 <= first <= end <= 1."
        )
    if isinstance(share, int | float):  # spread evenly, because neighbours in a video are alike
        return [math.floor((i + 1) * share + 1e-9) > math.floor(i * share + 1e-9) for i in range(count)]
    return [ends[0] * count <= i + 1e-9 and i + 1e-9 < ends[1] * count for i in range(count)]
