import torch


def decode_disparity(codes):
    """Pixels, float32, of the codes p in Cityscapes' uint16 PNGs: (p - 1) / 256.

    p = 0 is no reading, and p = 1, no parallax, is infinitely far: both give 0, invalid.
    """
    return codes.to(torch.float32).sub_(1).div_(256).clamp_(min=0)


def disparity_to_depth(disparity, baseline, fx):
    """Depth in metres, baseline · fx / disparity; 0, invalid, where the disparity is 0.

    Args:
        disparity: (...) pixels.
        baseline: metres between the two cameras.
        fx: focal length in pixels of the same image.
    """
    return torch.where(disparity > 0, baseline * fx / disparity, 0.0)
