from mtl_plugins.functional.depth_range import mask_depth_range
from mtl_plugins.structures import DepthMap

from .readers import read_depth, unless_empty


def read_ranged_depth(path, scale, depth_range=None):
    """As `read_depth`; readings outside ``depth_range``, (min, max) in metres, are void."""
    return in_range(read_depth(path, scale), depth_range, path)


def in_range(depth, depth_range, path):
    """A ``DepthMap`` of the readings of ``depth`` (1, H, W), metres, within ``depth_range``; None if there are none."""
    if depth is None:
        return None
    within = "" if depth_range is None else " within {:g}…{:g} m".format(*depth_range)
    return unless_empty(DepthMap(mask_depth_range(depth, depth_range)), path, f"no reading{within}")


def checked_depth_range(depth_range):
    """(min, max) as floats, or None.

    Raises:
        ValueError: it is no such pair.
    """
    if depth_range is None:
        return None
    try:
        low, high = map(float, depth_range)
    except (TypeError, ValueError):
        low, high = 0.0, 0.0
    if not 0 <= low < high:
        raise ValueError(
            f"depth_range={depth_range!r}: (min, max) in metres, 0 <= min < max, or None for all readings."
        )
    return low, high
