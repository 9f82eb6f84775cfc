"""Exact ray casting against planes, boxes, frusta, ellipsoids and cushions, in float32.

Per pixel, only operations that IEEE 754 rounds exactly are used (+ − * / sqrt and comparisons), so the result is equal
to the last bit on every machine.

Vectors are sequences of three components x, y, z, each an array with one value per ray or a scalar for all rays.
"""

from collections.abc import Sequence
from functools import reduce
from operator import add
from typing import Any

import numpy as np

from .primitives import BOX, CUSHION, CUSHION_SWELL, ELLIPSOID, FRUSTUM, PLANE
from .solid_arrays import SolidArrays
from .vectors import dot

Vectors = Sequence[Any]  # of arrays or of NumPy scalars  # of arrays or of NumPy scalars

#: Hits closer to the ray's origin are ignored, in ray parameters.
NEAR = np.float32(0.02)
_FAR = np.float32(1e9)
_TINY = np.float32(1e-7)
_ONE, _ZERO = np.float32(1), np.float32(0)


def _along(axis: np.ndarray, v: Vectors) -> np.ndarray:
    """`dot` of three scalars and a vector. Most furniture is parallel to the walls, so many scalars are 0 or 1."""
    terms = [x if a == 1 else a * x for a, x in zip(axis, v, strict=True) if a != 0]
    return reduce(add, terms)


def _nonzero(d: np.ndarray) -> np.ndarray:
    """`d` shifted by a tiny amount that changes only values near 0, so that it can be divided by."""
    return d + np.float32(1e-9)


def _box(o: Vectors, d: Vectors, half: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    lows, highs = [], []
    for i in range(3):
        inverse = _ONE / _nonzero(d[i])
        middle, reach = o[i] * inverse, np.abs(inverse) * half[i]
        lows.append(-middle - reach)
        highs.append(reach - middle)
    return reduce(np.maximum, lows), reduce(np.minimum, highs)


def _roots(a: np.ndarray, b: np.ndarray, c: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The interval of t in which a t² + 2 b t + c ≤ 0, for a > 0; an empty interval if there is none."""
    disc = b * b - a * c
    root = np.sqrt(np.maximum(disc, _ZERO))
    a = np.maximum(a, np.float32(1e-12))
    miss = disc <= _ZERO
    return np.where(miss, _FAR, (-b - root) / a), np.where(miss, -_FAR, (root - b) / a)


def _ellipsoid(o: Vectors, d: Vectors, half: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    o = [o[i] / half[i] for i in range(3)]
    d = [d[i] / half[i] for i in range(3)]
    return _roots(dot(d, d), dot(o, d), dot(o, o) - _ONE)


def _frustum(o: Vectors, d: Vectors, half: np.ndarray, taper: np.float32) -> tuple[np.ndarray, np.ndarray]:
    slope = taper / half[2]
    ox, oy, dx, dy = o[0] / half[0], o[1] / half[1], d[0] / half[0], d[1] / half[1]
    r, dr = _ONE + slope * o[2], slope * d[2]
    enter, leave = _roots(dx * dx + dy * dy - dr * dr, ox * dx + oy * dy - r * dr, ox * ox + oy * oy - r * r)
    inverse = _ONE / _nonzero(d[2])
    middle, reach = o[2] * inverse, np.abs(inverse) * half[2]
    return np.maximum(enter, -middle - reach), np.minimum(leave, reach - middle)


def _interval(kind: int, o: Vectors, d: Vectors, half: np.ndarray, taper: np.float32) -> tuple[np.ndarray, np.ndarray]:
    """The ray parameters at which rays enter and leave a convex solid, in its own frame."""
    if kind == BOX:
        return _box(o, d, half)
    if kind == FRUSTUM:
        return _frustum(o, d, half, taper)
    if kind == ELLIPSOID:
        return _ellipsoid(o, d, half)
    enter, leave = _box(o, d, half)
    enter2, leave2 = _ellipsoid(o, d, half * np.float32(CUSHION_SWELL))
    return np.maximum(enter, enter2), np.minimum(leave, leave2)


def screen_boxes(
    solids: SolidArrays,
    origin: Vectors,
    camera_axes: Sequence[Vectors],
    intrinsics: tuple[float, float, float, float],
    size: tuple[int, int],
) -> np.ndarray:
    """A rectangle of pixels around each solid.

    Args:
        solids: N solids.
        origin: Position of the camera, in metres.
        camera_axes: Its axes right, down and forward in the world frame.
        intrinsics: fx, fy, cx, cy in pixels.
        size: Height and width in pixels.

    Returns:
        int64, (N, 4): first row, end row, first column, end column; empty for solids that are not visible.
    """
    height, width = size
    fx, fy, cx, cy = (np.float32(v) for v in intrinsics)
    signs = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)], np.float32)
    corners = [
        solids.centre[:, None, i]
        + sum(signs[None, :, k] * (solids.half[:, k] * solids.axes[:, k, i])[:, None] for k in range(3))
        - origin[i]
        for i in range(3)
    ]
    # The wide end of a frustum exceeds its mean radius.
    x, y, z = (dot(axis, corners) for axis in camera_axes)
    deep = np.maximum(z, NEAR)
    u, v = x / deep * fx + cx, y / deep * fy + cy
    grow = np.abs(solids.taper) * (u.max(1) - u.min(1)) * np.float32(0.5)
    grow_v = np.abs(solids.taper) * (v.max(1) - v.min(1)) * np.float32(0.5)
    low = np.stack([v.min(1) - grow_v, u.min(1) - grow], 1)
    high = np.stack([v.max(1) + grow_v, u.max(1) + grow], 1)
    limit = np.array([height, width], np.float32)
    low = np.clip(np.floor(low), _ZERO, limit).astype(np.int64)
    high = np.clip(np.floor(high) + np.float32(2), _ZERO, limit).astype(np.int64)
    crossing = z.min(1) < np.float32(0.05)
    low[crossing], high[crossing] = 0, (height, width)
    high[z.max(1) < NEAR] = 0
    return np.stack([low[:, 0], high[:, 0], low[:, 1], high[:, 1]], 1)


def cast(
    solids: SolidArrays, origin: Vectors, direction: Sequence[np.ndarray], boxes: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Find the first hit of each ray.

    Args:
        solids: The solids. The planes (walls, floor and ceiling) must come first and enclose the room.
        origin: Origins of the rays, in metres; three scalars if `boxes` is given.
        direction: Directions of the rays; (H, W) if `boxes` is given.
        boxes: The rectangles of `screen_boxes`, which restrict the rays that are tested against each solid.

    Returns:
        The ray parameter (float32) and the index of the solid (int32), in the shape of the rays.
    """
    shape = direction[0].shape
    nearest = np.full(shape, _FAR, np.float32)
    index = np.zeros(shape, np.int32)
    for n in range(len(solids)):
        window: tuple = (...,)
        if boxes is not None and solids.kind[n] != PLANE:
            r0, r1, c0, c1 = boxes[n]
            if r0 >= r1 or c0 >= c1:
                continue
            window = (slice(r0, r1), slice(c0, c1))
        axes, half = solids.axes[n], solids.half[n]
        ray = [d[window] for d in direction]
        offset = [origin[i] - solids.centre[n, i] for i in range(3)]
        if solids.kind[n] == PLANE:
            along = _along(axes[2], ray)
            enter = np.where(along < -_TINY, -_along(axes[2], offset) / np.where(along < -_TINY, along, _ONE), _FAR)
            hit = (enter > NEAR) & (enter < nearest)
        else:
            o = [_along(a, offset) for a in axes]
            d = [_along(a, ray) for a in axes]
            enter, leave = _interval(solids.kind[n], o, d, half, solids.taper[n])
            hit = (enter < leave) & (enter > NEAR) & (enter < nearest[window])
        np.copyto(nearest[window], enter, where=hit)
        np.copyto(index[window], np.int32(n), where=hit)
    return nearest, index


def blocked(
    solids: SolidArrays, point: Sequence[np.ndarray], light: Sequence[np.ndarray], chunk: int = 8192
) -> np.ndarray:
    """Whether a solid that casts shadows is between a point and a light.

    Args:
        solids: The solids.
        point: N points on surfaces, in metres.
        light: N points on lights, in metres.
        chunk: Number of points that are tested together.

    Returns:
        Boolean, (N,).
    """
    out = np.zeros(len(point[0]), bool)
    casters = np.flatnonzero(solids.casts)
    if not len(casters):
        return out
    radius2 = dot(solids.half.T, solids.half.T)
    for start in range(0, len(out), chunk):
        part = slice(start, start + chunk)
        p = [x[part] for x in point]
        d = [light[i][part] - p[i] for i in range(3)]
        low, high = (
            [np.minimum(p[i], light[i][part]).min() for i in range(3)],
            [np.maximum(p[i], light[i][part]).max() for i in range(3)],
        )
        dark = out[part]
        for n in casters:
            c = solids.centre[n]
            r = np.sqrt(radius2[n])
            if any(c[i] + r < low[i] or c[i] - r > high[i] for i in range(3)):
                continue
            axes = solids.axes[n]
            offset = [p[i] - c[i] for i in range(3)]
            o, e = [_along(a, offset) for a in axes], [_along(a, d) for a in axes]
            # A box replaces a cushion: the difference is not visible in a soft shadow.
            kind = BOX if solids.kind[n] == CUSHION else solids.kind[n]
            enter, leave = _interval(kind, o, e, solids.half[n], _ZERO)
            dark |= (np.maximum(enter, np.float32(2e-3)) < leave) & (enter < np.float32(0.98))
    return out
