import torch


def void_outside(depth, depth_range):
    """``depth`` with 0, invalid, for each reading outside the range.

    Args:
        depth: (...) metres.
        depth_range: (min, max) metres, both within; None: all readings stay.
    """
    if depth_range is None:
        return depth
    low, high = depth_range
    return torch.where((depth >= low) & (depth <= high), depth, 0.0)
