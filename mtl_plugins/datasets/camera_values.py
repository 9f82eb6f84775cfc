"""Checks the intrinsics of a camera that come from a file or from an option."""

import math
from collections.abc import Sequence

from mtl_plugins.files import shorten

#: fx, fy, cx, cy in pixels.
Camera = tuple[float, ...]

_NAMES = ("fx", "fy", "cx", "cy")
_LARGEST = 1e6  # pixels; beyond it is a mistake, and float32 could not hold the pixels' coordinates
_LEAST_FOCAL = 1e-3  # pixels; float32 rounds smaller numbers down to 0 in the end


def parse_camera(cells: Sequence[object]) -> Camera:
    """Parse fx, fy, cx, cy.

    Args:
        cells: Four numbers, or their texts.

    Raises:
        ValueError: There are not four numbers, or they describe no camera; see `check_camera`.

    Examples:
        >>> parse_camera(["518.9", "519.5", "325", "253"])
        (518.9, 519.5, 325.0, 253.0)
    """
    if len(cells) != len(_NAMES):
        raise ValueError(f"a camera has the {len(_NAMES)} numbers {' '.join(_NAMES)}, but there are {len(cells)}")
    return check_camera(tuple(parse_number(cell) for cell in cells))


def check_camera(values: Sequence[float]) -> Camera:
    """Return fx, fy, cx, cy as floats.

    Raises:
        ValueError: A number is not finite or too large, or a focal length is not positive or too small.
    """
    fx, fy, cx, cy = map(float, values)
    for name, value in zip(_NAMES, (fx, fy, cx, cy), strict=True):
        if not abs(value) <= _LARGEST:
            raise ValueError(f"{name} must be a finite number of pixels, at most {_LARGEST:,.0f}, but is {value:g}")
    for name, value in (("fx", fx), ("fy", fy)):
        if not value > 0:
            raise ValueError(f"the focal length {name} must be positive, but is {value:g}")
        if value < _LEAST_FOCAL:
            raise ValueError(f"the focal length {name} must be at least {_LEAST_FOCAL:g} pixels, but is {value:g}")
    return fx, fy, cx, cy


def parse_number(cell: object) -> float:
    """Parse a finite number in plain notation.

    Raises:
        ValueError: It is something else, such as `nan`, `1,5` or `1_000`.
    """
    try:
        value = math.nan if isinstance(cell, bool) or "_" in str(cell) else float(cell)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        value = math.nan
    if not math.isfinite(value):
        raise ValueError(f"{shorten(cell, 40)} is not a finite number such as 518.9")
    return value
