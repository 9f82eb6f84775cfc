"""Light on surfaces: area lights with soft shadows, ambient light with dark corners, highlights, glow and mirrors."""

from collections.abc import Sequence

import numpy as np

from .ray_casting import blocked, cast
from .ray_hits import Hits, hits_of
from .room import Light, Room
from .solid_arrays import SolidArrays
from .textures import TEXTURES, albedo
from .vectors import dot

f32 = np.float32
# An ordered 4 × 4 pattern: each pixel samples one of 16 points of an area light, and the mean over 4 × 4 pixels makes
# the shadow soft.
_ORDER = np.array([[0, 8, 2, 10], [12, 4, 14, 6], [3, 11, 1, 9], [15, 7, 13, 5]])


def light_samples(shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The point of an area light that each pixel samples: x, y, z from −1 to 1, each (H · W,)."""
    rows, columns = np.indices(shape)
    n = _ORDER[rows & 3, columns & 3].ravel()
    a = ((n & 3).astype(f32) - f32(1.5)) / f32(2)
    b = ((n >> 2).astype(f32) - f32(1.5)) / f32(2)
    return a, b, a * b


def _soften(seen: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """The mean of 4 × 4 neighbours, computed by averaging pairs twice in each direction."""
    x = seen.reshape(shape)
    for axis in (0, 1):
        for step in (1, 2):
            x = (x + np.roll(x, step, axis)) * f32(0.5)
        x = np.roll(x, -1, axis)
    return x.ravel()


def _corner_darkening(room: Room, hits: Hits) -> np.ndarray:
    """Factor on the ambient light, (N,): darker where walls, floor and ceiling meet."""
    p, n = hits.point, hits.normal
    dim = np.ones_like(p[0])
    for i, high in ((0, room.width), (1, room.depth), (2, room.height)):
        for gap, towards in ((p[i], f32(1) + n[i]), (f32(high) - p[i], f32(1) - n[i])):
            # A surface that faces away from the plane is not darkened by it.
            facing = np.clip(f32(2) - towards, f32(0), f32(1))
            reach = np.clip(f32(1) - gap / f32(0.5), f32(0), f32(1))
            dim *= f32(1) - f32(0.38) * reach * reach * np.maximum(facing, f32(0.35)) * (np.abs(n[i]) < f32(0.98))
    return dim


def radiance(
    room: Room,
    solids: SolidArrays,
    hits: Hits,
    direction: Sequence[np.ndarray],
    footprint: np.ndarray,
    shape: tuple[int, int] | None = None,
) -> list[np.ndarray]:
    """The light that surfaces send back along the rays that hit them.

    Args:
        room: The room with its lights.
        solids: Its solids.
        hits: N hits.
        direction: x, y, z of the rays' directions, each (N,).
        footprint: Size of a pixel at each hit, in metres, (N,).
        shape: Height and width, if the hits are a complete image. Only then are there shadows.

    Returns:
        Linear light: red, green and blue, each (N,).
    """
    colour = albedo(solids, hits, footprint)
    n, p = hits.normal, hits.point
    gloss, glow = solids.gloss[hits.index], solids.glow[hits.index]
    size = np.sqrt(dot(direction, direction))
    view = [-x / size for x in direction]
    sky = (f32(0.8) + f32(0.2) * n[2]) * _corner_darkening(room, hits)
    total = [sky * f32(c) for c in room.ambient]
    shine = [np.zeros_like(sky) for _ in range(3)]
    samples = light_samples(shape) if shape else None
    for light in room.lights:
        if light.sun:
            _add_sun(light, solids, hits, samples, shape, glow, total)
            continue
        to = [f32(light.position[i]) - p[i] for i in range(3)]
        d2 = dot(to, to)
        inverse = f32(1) / np.sqrt(d2 + f32(1e-6))
        to = [x * inverse for x in to]
        facing = dot(n, to)
        # An area light also reaches surfaces that face slightly away from its centre.
        strength = np.clip((facing + f32(0.12)) / f32(1.12), f32(0), f32(1)) / (d2 + f32(0.35))
        if light.normal:
            cosine = -sum(to[i] * f32(light.normal[i]) for i in range(3))
            strength = strength * np.clip(cosine + f32(0.08), f32(0), f32(1))
        if shape and samples and light.shadows:
            lit = np.flatnonzero((strength > f32(4e-3)) & (glow < f32(0.5)))
            start = [p[i][lit] + n[i][lit] * f32(4e-3) for i in range(3)]
            goal = [f32(light.position[i]) + samples[i][lit] * f32(light.half[i]) for i in range(3)]
            seen = np.ones(len(strength), f32)
            seen[lit[blocked(solids, start, goal)]] = 0
            strength = strength * _soften(seen, shape)
        half = [to[i] + view[i] for i in range(3)]
        length = np.sqrt(dot(half, half)) + f32(1e-6)
        peak = np.clip(dot(n, half) / length, f32(0), f32(1))
        for _ in range(5):  # to the 32nd power
            peak = peak * peak
        peak = peak * gloss * strength * f32(1.5)
        for i in range(3):
            total[i] = total[i] + strength * f32(light.colour[i])
            shine[i] = shine[i] + peak * f32(light.colour[i])
    return [colour[i] * (total[i] + glow) + shine[i] for i in range(3)]


def _add_sun(
    light: Light,
    solids: SolidArrays,
    hits: Hits,
    samples: Sequence[np.ndarray] | None,
    shape: tuple[int, int] | None,
    glow: np.ndarray,
    total: list[np.ndarray],
) -> None:
    """Add sunlight where the line to the sun passes through the window and nothing blocks it."""
    assert light.sun is not None and light.normal is not None
    n, p = hits.normal, hits.point
    facing = sum(n[i] * f32(light.sun[i]) for i in range(3))
    # Not `sum`, which adds floats differently since Python 3.12.
    (sx, sy, sz), (nx, ny, nz) = light.sun, light.normal
    slope = sx * nx + sy * ny + sz * nz
    way = sum((f32(light.position[i]) - p[i]) * f32(light.normal[i]) for i in range(3)) / f32(slope)
    goal = [p[i] + way * f32(light.sun[i]) for i in range(3)]
    if samples:  # the sun is not a point
        goal = [goal[i] + samples[i] * f32(0.03) for i in range(3)]
    off = [np.abs(goal[i] - f32(light.position[i])) for i in range(3)]
    within = (facing > 0) & (way > 0) & (glow < f32(0.5)) & (off[2] < f32(light.half[2])) & (off[2] > f32(0.02))
    for i in (0, 1):
        if light.normal[i] == 0.0:
            within &= (off[i] < f32(light.half[i])) & (off[i] > f32(0.025))
    lit = np.flatnonzero(within)
    seen = np.zeros(len(way), f32)
    seen[lit] = 1
    if shape and len(lit):
        start = [p[i][lit] + n[i][lit] * f32(4e-3) for i in range(3)]
        seen[lit[blocked(solids, start, [x[lit] for x in goal])]] = 0
        seen = _soften(seen, shape)
    strength = seen * np.maximum(facing, f32(0))
    for i in range(3):
        total[i] = total[i] + strength * f32(light.colour[i])


def add_reflections(
    room: Room,
    solids: SolidArrays,
    hits: Hits,
    direction: Sequence[np.ndarray],
    footprint: np.ndarray,
    light: list[np.ndarray],
) -> None:
    """Write into `light` what mirrors reflect: one reflection, without shadows. See `radiance` for the arguments."""
    at = np.flatnonzero(solids.texture[hits.index] == TEXTURES["mirror"])
    if not len(at):
        return
    n, d = [x[at] for x in hits.normal], [x[at] for x in direction]
    along = dot(n, d)
    bounced = [d[i] - f32(2) * along * n[i] for i in range(3)]
    start = [hits.point[i][at] + n[i] * f32(1e-3) for i in range(3)]
    distance, index = cast(solids, start, bounced)
    seen = hits_of(solids, start, bounced, distance, index)
    far = footprint[at] * f32(2)
    for channel, value in zip(light, radiance(room, solids, seen, bounced, far), strict=True):
        channel[at] = value * f32(0.86)
