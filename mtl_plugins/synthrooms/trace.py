"""Exact ray casting against planes, boxes, frusta, ellipsoids and cushions, in float32.

Per pixel only operations that IEEE 754 rounds exactly (+ - * / sqrt, comparisons) are used, so that every
machine gets the same bits.
"""

import numpy as np

from .primitives import BOX, CUSHION, CUSHION_SWELL, ELLIPSOID, FRUSTUM, PLANE, Solids

NEAR = np.float32(0.02)
_FAR = np.float32(1e9)
_TINY = np.float32(1e-7)
_ONE, _ZERO = np.float32(1), np.float32(0)


def _dot(a, v):
    return a[0] * v[0] + a[1] * v[1] + a[2] * v[2]


def _along(axis, v):
    """``_dot`` with three scalars first, many of them 0 or 1: most furniture stands square to the room."""
    total = None
    for a, x in zip(axis, v, strict=True):
        if a != 0:
            term = x if a == 1 else a * x
            total = term if total is None else total + term
    return total


def _safe(d):
    """Never 0, and the same unless it is tiny."""
    return d + np.float32(1e-9)


def _slabs(o, d, half):
    enter = leave = None
    for i in range(3):
        inverse = _ONE / _safe(d[i])
        middle, reach = o[i] * inverse, np.abs(inverse) * half[i]
        lo, hi = -middle - reach, reach - middle
        enter = lo if enter is None else np.maximum(enter, lo)
        leave = hi if leave is None else np.minimum(leave, hi)
    return enter, leave


def _roots(a, b, c):
    """Where a t^2 + 2 b t + c <= 0, for a > 0; an empty interval where it is nowhere."""
    disc = b * b - a * c
    root = np.sqrt(np.maximum(disc, _ZERO))
    a = np.maximum(a, np.float32(1e-12))
    miss = disc <= _ZERO
    return np.where(miss, _FAR, (-b - root) / a), np.where(miss, -_FAR, (root - b) / a)


def _ellipsoid(o, d, half):
    o = [o[i] / half[i] for i in range(3)]
    d = [d[i] / half[i] for i in range(3)]
    return _roots(_dot(d, d), _dot(o, d), _dot(o, o) - _ONE)


def _frustum(o, d, half, taper):
    slope = taper / half[2]
    ox, oy, dx, dy = o[0] / half[0], o[1] / half[1], d[0] / half[0], d[1] / half[1]
    r, dr = _ONE + slope * o[2], slope * d[2]
    enter, leave = _roots(dx * dx + dy * dy - dr * dr, ox * dx + oy * dy - r * dr, ox * ox + oy * oy - r * r)
    inverse = _ONE / _safe(d[2])
    middle, reach = o[2] * inverse, np.abs(inverse) * half[2]
    return np.maximum(enter, -middle - reach), np.minimum(leave, reach - middle)


def _interval(kind, o, d, half, taper):
    """(enter, leave) ray parameters of a convex solid in its own frame."""
    if kind == BOX:
        return _slabs(o, d, half)
    if kind == FRUSTUM:
        return _frustum(o, d, half, taper)
    if kind == ELLIPSOID:
        return _ellipsoid(o, d, half)
    enter, leave = _slabs(o, d, half)
    enter2, leave2 = _ellipsoid(o, d, half * np.float32(CUSHION_SWELL))
    return np.maximum(enter, enter2), np.minimum(leave, leave2)


def screen_boxes(solids: Solids, origin, camera_axes, intrinsics, size):
    """Pixel rectangles (N, 4: row0, row1, column0, column1; empty where unseen) that hold each solid."""
    height, width = size
    fx, fy, cx, cy = (np.float32(v) for v in intrinsics)
    signs = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)], np.float32)
    corners = [
        solids.centre[:, None, i]
        + sum(signs[None, :, k] * (solids.half[:, k] * solids.axes[:, k, i])[:, None] for k in range(3))
        - origin[i]
        for i in range(3)
    ]
    # A frustum's wide end reaches beyond its mean radius.
    x, y, z = (_dot(axis, corners) for axis in camera_axes)
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


def cast(solids: Solids, origin, direction, boxes=None):
    """The first hit of each ray: ray parameter (float32) and index of the solid, both shaped as the rays.

    ``origin`` is three scalars, or three arrays when ``boxes`` is None; ``direction`` three arrays, (H, W)
    with ``boxes`` from :func:`screen_boxes`. Planes (the room's shell) must come first and close the room.
    """
    shape = direction[0].shape
    nearest = np.full(shape, _FAR, np.float32)
    index = np.zeros(shape, np.int32)
    for n in range(len(solids)):
        window = ...
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


def blocked(solids: Solids, point, light, chunk: int = 8192):
    """Whether a solid that casts shadows stands between ``point`` and ``light`` (three (N,) arrays each)."""
    out = np.zeros(len(point[0]), bool)
    casters = np.flatnonzero(solids.casts)
    if not len(casters):
        return out
    radius2 = _dot(solids.half.T, solids.half.T)
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
            # Boxes stand in for cushions: the difference does not show in a soft shadow.
            kind = BOX if solids.kind[n] == CUSHION else solids.kind[n]
            enter, leave = _interval(kind, o, e, solids.half[n], _ZERO)
            dark |= (np.maximum(enter, np.float32(2e-3)) < leave) & (enter < np.float32(0.98))
    return out
