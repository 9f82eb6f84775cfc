"""Maps of segment ids in RGB files, as in COCO's and Cityscapes' panoptic PNGs."""

import numpy as np
import torch
from torch import Tensor


def encode_panoptic(ids: np.ndarray) -> np.ndarray:
    """Encode ids as colours: id = red + 256 · green + 65536 · blue.

    Args:
        ids: Ids of segments, (H, W), 0 to 2²⁴ - 1.

    Returns:
        uint8, (H, W, 3).

    Examples:
        >>> encode_panoptic(np.array([[255, 5001]])).tolist()
        [[[255, 0, 0], [137, 19, 0]]]
    """
    return np.stack([(ids >> shift) & 255 for shift in (0, 8, 16)], axis=-1).astype(np.uint8)


def decode_panoptic(rgb: Tensor) -> Tensor:
    """Decode colours as ids; the inverse of `encode_panoptic`.

    Args:
        rgb: uint8, (3, H, W).

    Returns:
        int32, (1, H, W).
    """
    red, green, blue = rgb.to(torch.int32)
    return (red + (green << 8) + (blue << 16))[None]
