"""Rotations that are equal to the last bit on every machine."""

from .primitives import Axes

IDENTITY: Axes = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))
#: Axes of a cylinder that lies along x.
LYING_X: Axes = ((0.0, 1.0, 0.0), (0.0, 0.0, 1.0), (1.0, 0.0, 0.0))
#: Axes of a cylinder that lies along y.
LYING_Y: Axes = ((0.0, 0.0, 1.0), (1.0, 0.0, 0.0), (0.0, 1.0, 0.0))


def cos_sin(degrees: float) -> tuple[float, float]:
    """Cosine and sine of an angle within 0.01 degrees of the given one.

    A rational function approximates the angle, because the C library's `cos` and `sin` differ between machines. The
    result is an exact rotation: cos² + sin² = 1 up to rounding.

    Examples:
        >>> cos_sin(90.0)
        (-0.0, 1.0)
    """
    quarters = int((degrees + 45.0) // 90.0)
    x = (degrees - 90.0 * quarters) * (3.141592653589793 / 360.0)
    t = x * (15.0 - x * x) / (15.0 - 6.0 * x * x)
    c, s = (1.0 - t * t) / (1.0 + t * t), 2.0 * t / (1.0 + t * t)
    for _ in range(quarters % 4):
        c, s = -s, c
    return c, s


def tilt_x(degrees: float) -> Axes:
    """Axes rotated about the local x axis. A positive angle leans the top (z) towards −y."""
    c, s = cos_sin(degrees)
    return ((1.0, 0.0, 0.0), (0.0, c, s), (0.0, -s, c))


def turn_z(degrees: float) -> Axes:
    """Axes rotated about the vertical axis."""
    c, s = cos_sin(degrees)
    return ((c, s, 0.0), (-s, c, 0.0), (0.0, 0.0, 1.0))
