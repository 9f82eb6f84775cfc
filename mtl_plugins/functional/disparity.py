"""Stereo disparity: decoding it from PNGs, and converting it to depth."""

import torch
from torch import Tensor


def decode_disparity(codes: Tensor) -> Tensor:
    """Disparity in pixels (float32) from the values p of Cityscapes' 16-bit PNGs: (p − 1) / 256.

    p = 0 means no measurement, and p = 1 means no parallax, a point at infinity. Both give 0 (invalid).

    Examples:
        >>> decode_disparity(torch.tensor([0, 1, 257])).tolist()
        [0.0, 0.0, 1.0]
    """
    return codes.to(torch.float32).sub_(1).div_(256).clamp_(min=0)


def disparity_to_depth(disparity: Tensor, baseline: float | Tensor, fx: float | Tensor) -> Tensor:
    """Depth in metres, baseline · fx / disparity; 0 (invalid) where the disparity is 0.

    Args:
        disparity: Pixels, any shape.
        baseline: Distance between the two cameras in metres.
        fx: Focal length in pixels of the same image.

    Examples:
        >>> disparity_to_depth(torch.tensor([0.0, 50.0]), baseline=0.2, fx=1000.0).tolist()
        [0.0, 4.0]
    """
    return torch.where(disparity > 0, baseline * fx / disparity, 0.0)
