"""Vectors with three components: numbers, or arrays with one value per ray."""

from collections.abc import Sequence
from math import sqrt
from typing import Any

from .primitives import Vector


def dot(a: Sequence[Any], b: Sequence[Any]) -> Any:
    """The dot product, added in the order x, y, z."""
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


def cross(a: Vector, b: Vector) -> Vector:
    """The cross product."""
    return a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]


def unit(v: Vector) -> Vector:
    """The vector divided by its length."""
    length = sqrt(dot(v, v))
    return v[0] / length, v[1] / length, v[2] / length
