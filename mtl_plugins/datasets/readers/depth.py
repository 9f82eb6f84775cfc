from collections.abc import Sequence
from pathlib import Path

import torch

from mtl_plugins.functional import mask_depth_range
from mtl_plugins.structures import DepthMap

from ..data_error import DataError
from .empty_label import none_if_empty
from .single_channel import decode_single_channel

#: (min, max) in metres, both inclusive.
DepthRange = tuple[float, float]


def read_depth(path: str | Path, scale: float, depth_range: DepthRange | None = None) -> DepthMap | None:
    """Read depth in metres, float32 (1, H, W), from a file of metres × `scale`; 0 means no reading.

    Args:
        path: A 16-bit grey PNG or TIFF, or a float32 TIFF or NPY file, in which negative values, NaN and infinity mean
            no reading, too.
        scale: Value of the file for one metre; 1 for files of metres.
        depth_range: Readings outside (min, max) become 0. None keeps all readings.

    Returns:
        The depth, or None (with a warning) if no reading remains.
    """
    raw = decode_single_channel(path, "a depth map")
    if raw.dtype in (torch.uint8, torch.bool, torch.int8):
        raise DataError(
            f"{path} is an 8-bit {Path(path).suffix[1:].upper() or 'file'}, but depth must be stored with 16 bits "
            f"(metres × {scale:g}, 0 for no reading). Write it as a 16-bit grey PNG."
        )
    metres = raw.to(torch.float32).div_(scale)
    if raw.dtype != torch.uint16:
        metres = torch.where(metres.isfinite() & (metres > 0), metres, 0)
    depth = none_if_empty(DepthMap(metres), path, "no reading (all zero)")
    return None if depth is None else limit_depth(depth, depth_range, path)


def limit_depth(depth: torch.Tensor, depth_range: DepthRange | None, path: str | Path) -> DepthMap | None:
    """Invalidate readings outside a range.

    Args:
        depth: Metres, (1, H, W).
        depth_range: (min, max) in metres. None keeps all readings.
        path: The file, for the warning.

    Returns:
        The depth, or None (with a warning) if no reading remains.
    """
    within = "" if depth_range is None else " within {:g}…{:g} m".format(*depth_range)
    return none_if_empty(DepthMap(mask_depth_range(depth, depth_range)), path, f"no reading{within}")


def parse_depth_range(depth_range: Sequence[float] | None) -> DepthRange | None:
    """Check a `depth_range` option and return it as two floats, or None.

    Raises:
        ValueError: It is not (min, max) with 0 <= min < max.
    """
    if depth_range is None:
        return None
    try:
        low, high = map(float, depth_range)
    except (TypeError, ValueError):
        low, high = 0.0, 0.0
    if not 0 <= low < high:
        raise ValueError(
            f"depth_range={depth_range!r}: must be (min, max) in metres with 0 <= min < max, or None for all readings."
        )
    return low, high
