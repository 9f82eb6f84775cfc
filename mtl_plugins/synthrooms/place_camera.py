"""Where the camera stands and looks."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt
from typing import TYPE_CHECKING

from .portable_random import PortableRandom
from .primitives import Primitive, Vector
from .room import Room
from .rotation import cos_sin
from .vectors import cross, dot, unit

if TYPE_CHECKING:
    from .room_builder import Occupied

#: Metres between the camera and the nearest object. It keeps every depth above 0.3 m.
CLEARANCE = 0.62


def place_camera(
    rng: PortableRandom, room: Room, occupied: Sequence[Occupied]
) -> tuple[list[Primitive], tuple[Vector, ...], tuple[float, float, float, float]]:
    """Choose a camera near wall 2 that sees much furniture; objects in its way are removed.

    Args:
        rng: Random numbers.
        room: The furnished room.
        occupied: The boxes of the room's objects.

    Returns:
        The room's parts without those in the camera's way, the camera pose (position, then the axes right, down and
        forward) and the intrinsics (see `Room`).
    """
    best: tuple[float, Vector, Vector] | None = None
    for _ in range(40):
        p = (rng.uniform(0.16, 0.84) * room.width, rng.uniform(0.72, 0.97) * room.depth, rng.uniform(1.15, 1.75))
        p = (min(max(p[0], 0.5), room.width - 0.5), min(p[1], room.depth - 0.35), p[2])
        goal = (room.width * rng.uniform(0.1, 0.9), room.depth * rng.uniform(0.0, 0.3), rng.uniform(0.3, 1.2))
        f = unit((goal[0] - p[0], goal[1] - p[1], goal[2] - p[2]))
        free = min((_distance(p, box) for box in occupied), default=9.0)
        score = _visible(occupied, p, f) + rng.uniform(0.0, 1.0) if free > CLEARANCE else free - 9.0
        if best is None or score > best[0]:
            best = score, p, f
    assert best is not None
    _, p, f = best
    gone = [box for box in occupied if _distance(p, box) <= CLEARANCE]
    dropped = {n for box in gone for n in range(box.first_part, box.end_part)}
    # Small things that stand on a removed object go with it.
    for box in occupied:
        x, y = (box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2
        if any(box.z0 > 0.2 and g.x0 < x < g.x1 and g.y0 < y < g.y1 for g in gone):
            dropped |= set(range(box.first_part, box.end_part))
    parts = [part for n, part in enumerate(room.parts) if n not in dropped]
    right = unit((f[1], -f[0], 0.0))
    down = cross(f, right)
    c, s = cos_sin(rng.uniform(-3.0, 3.0))
    rolled_right = (c * right[0] + s * down[0], c * right[1] + s * down[1], c * right[2] + s * down[2])
    rolled_down = (c * down[0] - s * right[0], c * down[1] - s * right[1], c * down[2] - s * right[2])
    focal = rng.uniform(0.72, 0.92)
    intrinsics = (focal, focal * rng.uniform(0.995, 1.005), rng.uniform(-0.01, 0.01), rng.uniform(-0.01, 0.01))
    return parts, (p, rolled_right, rolled_down, f), intrinsics


def _visible(occupied: Sequence[Occupied], p: Vector, f: Vector) -> float:
    """How much furniture is in view from `p` along `f`, weighted by its apparent size."""
    total = 0.0
    for box in occupied:
        to = ((box.x0 + box.x1) / 2 - p[0], (box.y0 + box.y1) / 2 - p[1], (box.z0 + box.z1) / 2 - p[2])
        far = sqrt(dot(to, to))
        if dot(to, f) > 0.84 * far:
            total += min(1.0, ((box.x1 - box.x0 + box.y1 - box.y0) * (box.z1 - box.z0) + 0.2) / far)
    return total


def _distance(p: Vector, box: Occupied) -> float:
    """Distance of a point to a box; 0 inside."""
    gaps = [max(box[2 * i] - p[i], p[i] - box[2 * i + 1], 0.0) for i in range(3)]
    return sqrt(dot(gaps, gaps))
