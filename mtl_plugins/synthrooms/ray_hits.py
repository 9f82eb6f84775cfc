"""Where rays hit solids: position, exact normal, and texture coordinates."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .primitives import CUSHION, CUSHION_SWELL, ELLIPSOID, FRUSTUM, PLANE
from .solid_arrays import SolidArrays
from .vectors import dot


@dataclass
class Hits:
    """N hits as flat arrays of shape (N,).

    Attributes:
        index: Index of the solid.
        point: x, y, z in metres, world frame.
        normal: x, y, z of the unit normal in the world frame, facing the ray's origin.
        u: First texture coordinate, in metres from the centre of the face.
        v: Second texture coordinate.
        half_u: Half the size of the face along u, in metres.
        half_v: Half the size of the face along v.
        up: Whether a horizontal face was hit, in the solid's frame.
    """

    index: np.ndarray
    point: list[np.ndarray]
    normal: list[np.ndarray]
    u: np.ndarray
    v: np.ndarray
    half_u: np.ndarray
    half_v: np.ndarray
    up: np.ndarray


def hits_of(
    solids: SolidArrays,
    origin: Sequence[np.ndarray] | Sequence[np.float32],
    direction: Sequence[np.ndarray],
    distance: np.ndarray,
    index: np.ndarray,
) -> Hits:
    """Compute where rays hit the solids that `ray_casting.cast` found.

    Args:
        solids: The solids.
        origin: x, y, z of the rays' origins, in metres; scalars or (N,).
        direction: x, y, z of the rays' directions, each (N,).
        distance: Ray parameters of the hits, (N,).
        index: Indices of the solids, (N,).
    """
    f32 = np.float32
    point = [origin[i] + distance * direction[i] for i in range(3)]
    axes = [[solids.axes[:, k, i][index] for i in range(3)] for k in range(3)]
    half = [solids.half[:, k][index] for k in range(3)]
    offset = [point[i] - solids.centre[:, i][index] for i in range(3)]
    q, d = ([dot(a, v) for a in axes] for v in (offset, direction))
    # Boxes and planes: the nearest of the faces that face the ray.
    kinds = solids.kind[index]
    away = [np.where(q[k] * d[k] > 0, f32(-9), np.abs(q[k]) - half[k]) for k in range(3)]
    away[2] = np.where(kinds == PLANE, f32(9), away[2])
    first = (away[0] >= away[1]) & (away[0] >= away[2])
    second = ~first & (away[1] >= away[2])
    sign = [np.where(x < 0, f32(1), f32(-1)) for x in d]
    local = [
        np.where(first, sign[0], f32(0)),
        np.where(second, sign[1], f32(0)),
        np.where(first | second, f32(0), sign[2]),
    ]
    best = np.maximum(np.maximum(away[0], away[1]), away[2])

    def curved(where: np.ndarray, gradient: Sequence[np.ndarray]) -> None:
        for k in range(3):
            local[k][where] = gradient[k]

    at = np.flatnonzero(kinds == FRUSTUM)
    if len(at):
        h, p = [x[at] for x in half], [x[at] for x in q]
        slope = solids.taper[index[at]] / h[2]
        x, y, r = p[0] / h[0], p[1] / h[1], f32(1) + slope * p[2]
        side = (np.sqrt(x * x + y * y) - r) * np.minimum(h[0], h[1]) > away[2][at]
        curved(
            at,
            [
                np.where(side, x / h[0], f32(0)),
                np.where(side, y / h[1], f32(0)),
                np.where(side, -slope * r, sign[2][at]),
            ],
        )
    for kind, swell in ((ELLIPSOID, f32(1)), (CUSHION, f32(CUSHION_SWELL))):
        at = np.flatnonzero(kinds == kind)
        if len(at):
            h, p = [x[at] * swell for x in half], [x[at] for x in q]
            e = [p[k] / h[k] for k in range(3)]
            if kind == CUSHION:  # on the ellipsoid, unless a face of the box is nearer
                over = (np.sqrt(dot(e, e)) - f32(1)) * np.minimum(np.minimum(h[0], h[1]), h[2])
                keep = over > best[at]
                at, e, h = at[keep], [x[keep] for x in e], [x[keep] for x in h]
            curved(at, [e[k] / h[k] for k in range(3)])
    size = np.sqrt(dot(local, local))
    local = [x / size for x in local]
    normal = [axes[0][i] * local[0] + axes[1][i] * local[1] + axes[2][i] * local[2] for i in range(3)]
    normal = _facing(normal, direction)
    big = [np.abs(x) for x in local]
    on_x = (big[0] > big[1]) & (big[0] > big[2])
    on_z = ~on_x & (big[2] >= big[1])
    return Hits(
        index,
        point,
        normal,
        np.where(on_x, q[1], q[0]),
        np.where(on_z, q[1], q[2]),
        np.where(on_x, half[1], half[0]),
        np.where(on_z, half[1], half[2]),
        on_z,
    )


def _facing(normal: Sequence[np.ndarray], direction: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Normals that face the ray (n · d < 0): rounding can turn them slightly away at silhouettes."""
    f32 = np.float32
    length2 = dot(direction, direction)
    along = dot(normal, direction) / length2
    excess = np.maximum(along + f32(1e-3), f32(0))
    normal = [normal[i] - excess * direction[i] for i in range(3)]
    size = np.sqrt(dot(normal, normal))
    return [x / size for x in normal]
