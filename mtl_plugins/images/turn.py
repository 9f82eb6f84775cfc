"""Turning maps as the EXIF orientation of their file demands."""

from typing import TypeVar

from torch import Tensor
from torchvision.transforms.v2 import functional as F

Value = TypeVar("Value", bound=Tensor)
_QUARTER_TURNS = (5, 6, 7, 8)


def turn(value: Value, orientation: int) -> Value:
    """Turn a stored map as viewers show it.

    Args:
        value: A tensor (..., H, W) or any type that follows torchvision's `rotate` and flips, such as `NormalMap` and
            `Intrinsics`, whose values change with the geometry.
        orientation: The EXIF orientation, 1 … 8.

    Returns:
        The turned map; `value` itself for orientation 1.
    """
    if orientation == 1:
        return value
    if orientation == 2:
        return F.horizontal_flip(value)
    if orientation == 3:
        return F.vertical_flip(F.horizontal_flip(value))
    if orientation == 4:
        return F.vertical_flip(value)
    if orientation == 6:
        return F.rotate(value, -90, expand=True)
    left = F.rotate(value, 90, expand=True)
    return left if orientation == 8 else F.vertical_flip(left) if orientation == 5 else F.horizontal_flip(left)


def inverse_orientation(orientation: int) -> int:
    """The orientation that undoes `turn`."""
    return {6: 8, 8: 6}.get(orientation, orientation)


def turned_size(size: tuple[int, int], orientation: int) -> tuple[int, int]:
    """(H, W) of a map of this stored (H, W) after `turn`."""
    height, width = size
    return (width, height) if orientation in _QUARTER_TURNS else (height, width)
