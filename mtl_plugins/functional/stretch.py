from collections.abc import Sequence

_TOLERANCE = 1.1  # smaller changes of the aspect ratio are not reported


def describe_stretch(before: Sequence[int], after: Sequence[int]) -> str:
    """How resizing from (H, W) `before` to `after` changes the aspect ratio; empty if it changes little.

    Examples:
        >>> describe_stretch((480, 640), (240, 320)), describe_stretch((1080, 1920), (480, 640))
        ('', 'an image of 1080 x 1920 is resized to 480 x 640, which makes it narrower by a factor of 1.33')
    """
    factor = (after[1] / after[0]) / (before[1] / before[0])
    if 1 / _TOLERANCE <= factor <= _TOLERANCE:
        return ""
    change = f"wider by a factor of {factor:.2f}" if factor > 1 else f"narrower by a factor of {1 / factor:.2f}"
    return f"an image of {before[0]} x {before[1]} is resized to {after[0]} x {after[1]}, which makes it {change}"
