"""Depth as 16-bit PNGs: metres x scale, 0 for no reading."""

import numpy as np


def encode_depth(depth: np.ndarray, scale: float) -> np.ndarray:
    """Convert metres to the uint16 values of a PNG.

    Args:
        depth: Metres, any shape. Values beyond 65535 / `scale` metres are clipped; NaN becomes 0 (no reading).
        scale: PNG steps per metre: 5000 in NYUDv2's files, 256 in KITTI's.

    Examples:
        >>> encode_depth(np.array([1.5, 0.0, 99.0]), scale=1000).tolist()
        [1500, 0, 65535]
    """
    steps = np.nan_to_num(np.rint(depth * scale))
    return np.clip(steps, 0, np.iinfo(np.uint16).max).astype(np.uint16)
