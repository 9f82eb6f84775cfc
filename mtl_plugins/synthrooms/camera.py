"""Where the camera stands and looks."""

from math import sqrt

from .primitives import turn

CLEARANCE = 0.62  # metres between the camera and anything, so that no depth is under 0.3 m


def place_camera(builder) -> None:
    """The camera where nothing is near; where there is no such place, what is in its way goes."""
    d, room, best = builder.d, builder.room, None
    for _ in range(40):
        p = (d.uniform(0.16, 0.84) * builder.w, d.uniform(0.72, 0.97) * builder.l, d.uniform(1.15, 1.75))
        p = (min(max(p[0], 0.5), builder.w - 0.5), min(p[1], builder.l - 0.35), p[2])
        goal = (builder.w * d.uniform(0.1, 0.9), builder.l * d.uniform(0.0, 0.3), d.uniform(0.3, 1.2))
        f = unit(tuple(goal[i] - p[i] for i in range(3)))
        room_left = min((_distance(p, t) for t in builder.taken), default=9.0)
        score = _seen(builder.taken, p, f) + d.uniform(0.0, 1.0) if room_left > CLEARANCE else room_left - 9.0
        if best is None or score > best[0]:
            best = score, p, f
    _, p, f = best
    gone = [t for t in builder.taken if _distance(p, t) <= CLEARANCE]
    dropped = {n for t in gone for n in range(t[6], t[7])}
    # Small things may stand on what goes.
    for t in builder.taken:
        if any(t[4] > 0.2 and g[0] < (t[0] + t[1]) / 2 < g[1] and g[2] < (t[2] + t[3]) / 2 < g[3] for g in gone):
            dropped |= set(range(t[6], t[7]))
    room.parts = [part for n, part in enumerate(room.parts) if n not in dropped]
    right = unit((f[1], -f[0], 0.0))
    down = _cross(f, right)
    c, s = turn(d.uniform(-3.0, 3.0))
    rolled = (
        tuple(c * right[i] + s * down[i] for i in range(3)),
        tuple(c * down[i] - s * right[i] for i in range(3)),
    )
    room.camera = (p, *rolled, f)
    focal = d.uniform(0.72, 0.92)
    room.intrinsics = (
        focal,
        focal * d.uniform(0.995, 1.005),
        d.uniform(-0.01, 0.01),
        d.uniform(-0.01, 0.01),
    )


def _seen(taken, p, f) -> float:
    """How much furniture is in view from p along f, by the size it appears in."""
    total = 0.0
    for x0, x1, y0, y1, z0, z1, _, _ in taken:
        to = ((x0 + x1) / 2 - p[0], (y0 + y1) / 2 - p[1], (z0 + z1) / 2 - p[2])
        far = sqrt(to[0] * to[0] + to[1] * to[1] + to[2] * to[2])
        if to[0] * f[0] + to[1] * f[1] + to[2] * f[2] > 0.84 * far:
            total += min(1.0, ((x1 - x0 + y1 - y0) * (z1 - z0) + 0.2) / far)
    return total


def _distance(p, t):
    gaps = [max(t[2 * i] - p[i], p[i] - t[2 * i + 1], 0.0) for i in range(3)]
    return sqrt(gaps[0] * gaps[0] + gaps[1] * gaps[1] + gaps[2] * gaps[2])


def unit(v):
    size = sqrt(v[0] * v[0] + v[1] * v[1] + v[2] * v[2])
    return tuple(x / size for x in v)


def _cross(a, b):
    return a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]
