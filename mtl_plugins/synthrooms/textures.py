"""Procedural surface colours, equal to the last bit on every machine."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from .portable_random import PortableRandom
from .ray_hits import Hits
from .solid_arrays import SolidArrays

f32 = np.float32
#: Red, green and blue, linear light from 0 to 1.
Channels = list[np.ndarray]
_N = 512  # side of the noise tile, a power of two


@lru_cache(1)
def _tile() -> np.ndarray:
    """Tileable noise from 0 to 1: float32, (512 · 512,), octaves of smoothed random lattices."""
    words = PortableRandom(20).words(_N * _N // 2)
    lattice = ((words & np.uint64(0xFFFF)).astype(f32) / f32(65536)).reshape(_N // 2, _N)
    total, weight = np.zeros((_N, _N), f32), 1.0
    for log_cell in (6, 5, 4, 3, 2, 1, 0):
        cell = 1 << log_cell
        n = _N // cell
        x = (
            np.resize(lattice[log_cell:, log_cell * 7 :], (n, n))
            if n > _N // 2
            else lattice[:n, log_cell : log_cell + n]
        )
        x = np.repeat(np.repeat(np.resize(x, (n, n)), cell, 0), cell, 1)
        for axis in (0, 1):
            for _ in range(2):
                for j in range(log_cell):
                    x = (x + np.roll(x, 1 << j, axis)) * f32(0.5)
        total = total + (x - f32(0.5)) * f32(weight)
        weight *= 0.62
    return np.clip(total * f32(0.85) + f32(0.5), f32(0), f32(1)).ravel()


def noise(u: np.ndarray, v: np.ndarray, cells_u: float, cells_v: float, seed: np.ndarray) -> np.ndarray:
    """Smooth noise from 0 to 1.

    Args:
        u: First coordinate in metres, (N,).
        v: Second coordinate in metres, (N,).
        cells_u: Cells of the noise tile per metre along u.
        cells_v: Cells of the noise tile per metre along v.
        seed: int32, (N,).
    """
    iu = np.floor(u * f32(cells_u)).astype(np.int32) + seed * 131
    iv = np.floor(v * f32(cells_v)).astype(np.int32) + seed * 57
    return _tile()[((iv & (_N - 1)) << 9) | (iu & (_N - 1))]


def hashed(i: np.ndarray, j: np.ndarray, seed: np.ndarray) -> np.ndarray:
    """A random value from 0 to 1 for each cell (i, j); all arguments are int32, (N,)."""
    x = i.astype(np.uint32) * np.uint32(0x9E3779B1) ^ j.astype(np.uint32) * np.uint32(0x85EBCA77)
    x ^= seed.astype(np.uint32) * np.uint32(0xC2B2AE3D)
    x ^= x >> np.uint32(15)
    x *= np.uint32(0x2C1B3C6D)
    x ^= x >> np.uint32(12)
    x *= np.uint32(0x297A2D39)
    x ^= x >> np.uint32(15)
    return (x >> np.uint32(8)).astype(f32) * f32(2.0**-24)


def _cell(x: np.ndarray, step: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The number of the cell of width `step`, and the distance from its lower edge in metres."""
    i = np.floor(x / step)
    return i.astype(np.int32), x - i * step


def _line(x: np.ndarray, step: np.ndarray, width: float, footprint: np.ndarray) -> np.ndarray:
    """Coverage, 0 to 1, by a line of `width` metres at the edges of cells, smoothed over the size of a pixel."""
    d = np.minimum(x, step - x)
    return np.clip((f32(width) / 2 - d) / footprint + f32(0.5), f32(0), f32(1))


def _mix(a: Channels, b: Channels, m: np.ndarray) -> Channels:
    return [a[i] + (b[i] - a[i]) * m for i in range(3)]


def _scaled(c: Channels, g: np.ndarray) -> Channels:
    return [x * g for x in c]


def _plain(t: _SurfacePoints) -> Channels:
    return _scaled(t.a, f32(0.94) + f32(0.12) * noise(t.u, t.v, 60, 60, t.seed))


def _wood(t: _SurfacePoints) -> Channels:
    swap = t.half_v > t.half_u
    u, v = np.where(swap, t.v, t.u), np.where(swap, t.u, t.v)
    grain = noise(u, v, 22, 300, t.seed)
    return _mix(t.a, t.b, np.clip((grain - f32(0.25)) * f32(1.7), 0, 1))


def _planks(t: _SurfacePoints) -> Channels:
    row, y = _cell(t.v, t.scale)
    length = t.scale * f32(9)
    shift = hashed(row, row, t.seed) * length
    column, x = _cell(t.u + shift, length)
    tone = hashed(row, column, t.seed)
    grain = noise(t.u + tone * f32(3), t.v, 25, 280, t.seed)
    gap = np.maximum(_line(y, t.scale, 0.006, t.footprint), _line(x, length, 0.006, t.footprint))
    return _scaled(
        _mix(t.a, t.b, np.clip(tone * f32(0.6) + grain * f32(0.5) - f32(0.05), 0, 1)), f32(1) - f32(0.6) * gap
    )


def _tiles(t: _SurfacePoints) -> Channels:
    i, x = _cell(t.u, t.scale)
    j, y = _cell(t.v, t.scale)
    tone = hashed(i, j, t.seed) * f32(0.16) + f32(0.9)
    grout = np.maximum(_line(x, t.scale, 0.008, t.footprint), _line(y, t.scale, 0.008, t.footprint))
    return _mix(_scaled(t.a, tone * (f32(0.9) + f32(0.2) * noise(t.u, t.v, 120, 120, t.seed))), t.b, grout)


def _checker(t: _SurfacePoints) -> Channels:
    i, x = _cell(t.u, t.scale)
    j, y = _cell(t.v, t.scale)
    odd = ((i + j) & 1).astype(f32)
    edge = np.clip(np.minimum(np.minimum(x, t.scale - x), np.minimum(y, t.scale - y)) / t.footprint, 0, 1)
    return _mix(t.a, t.b, f32(0.5) + (odd - f32(0.5)) * edge)


def _stripes(t: _SurfacePoints) -> Channels:
    i, x = _cell(t.u, t.scale)
    edge = np.clip(np.minimum(x, t.scale - x) / t.footprint, 0, 1)
    return _mix(t.a, t.b, f32(0.5) + ((i & 1).astype(f32) - f32(0.5)) * edge)


def _slats(t: _SurfacePoints) -> Channels:
    _, y = _cell(t.v, t.scale)
    slope = np.clip(y / t.scale * f32(1.3), f32(0), f32(1))
    # Slats that are too fine to resolve get their mean colour, to avoid moiré.
    sharp = np.clip(f32(1.6) - f32(3) * t.footprint / t.scale, f32(0), f32(1))
    return _mix(t.b, t.a, f32(0.6) + (slope - f32(0.6)) * sharp)


def _brick(t: _SurfacePoints) -> Channels:
    high = t.scale * f32(0.36)
    row, y = _cell(t.v, high)
    column, x = _cell(t.u + (row & 1).astype(f32) * t.scale * f32(0.5), t.scale)
    tone = f32(0.65) + hashed(row, column, t.seed) * f32(0.6)
    joint = np.maximum(_line(x, t.scale, 0.012, t.footprint), _line(y, high, 0.012, t.footprint))
    return _mix(_scaled(t.a, tone * (f32(0.8) + f32(0.4) * noise(t.u, t.v, 200, 200, t.seed))), t.b, joint)


def _carpet(t: _SurfacePoints) -> Channels:
    fine, broad = noise(t.u, t.v, 500, 500, t.seed), noise(t.u, t.v, 30, 30, t.seed)
    return _mix(t.a, t.b, np.clip(fine * f32(1.0) + broad * f32(0.25) - f32(0.12), 0, 1))


def _granite(t: _SurfacePoints) -> Channels:
    return _mix(t.a, t.b, np.clip((noise(t.u, t.v, 900, 900, t.seed) - f32(0.35)) * f32(3.5), 0, 1))


def _flowers(t: _SurfacePoints) -> Channels:
    i, x = _cell(t.u, t.scale)
    j, y = _cell(t.v, t.scale)
    size = t.scale * (f32(0.2) + f32(0.2) * hashed(i, j, t.seed))
    x, y = x - t.scale / 2, y - t.scale / 2
    spot = np.clip((size - np.sqrt(x * x + y * y)) / t.footprint + f32(0.5), 0, 1)
    return _mix(t.a, t.b, spot)


def _rug(t: _SurfacePoints) -> Channels:
    """A border, a stripe, and a field of diamonds."""
    inner = np.minimum(t.half_u - np.abs(t.u), t.half_v - np.abs(t.v))
    _, x = _cell(t.u + t.v, t.scale)
    _, y = _cell(t.u - t.v, t.scale)
    diamond = ((x > t.scale / 2) ^ (y > t.scale / 2)).astype(f32) * f32(0.8)
    border = ((inner > f32(0.04)) & (inner < f32(0.12))).astype(f32)
    m = np.where(inner < f32(0.16), border, diamond)
    return _scaled(_mix(t.a, t.b, m), f32(0.75) + f32(0.5) * noise(t.u, t.v, 400, 400, t.seed))


# Linear colours of book bindings: dark red, navy, bottle green, brown, ochre, cream, black, white, teal, orange.
_BINDINGS = np.array(
    [
        (0.30, 0.04, 0.04),
        (0.04, 0.07, 0.22),
        (0.05, 0.16, 0.08),
        (0.20, 0.10, 0.05),
        (0.45, 0.28, 0.08),
        (0.62, 0.54, 0.38),
        (0.03, 0.03, 0.035),
        (0.72, 0.71, 0.68),
        (0.06, 0.22, 0.26),
        (0.55, 0.16, 0.05),
    ],
    f32,
).T


def _spines(t: _SurfacePoints) -> Channels:
    """Books next to each other, each with a colour and perhaps a title band."""
    i, x = _cell(t.u, t.scale)
    zero = np.zeros_like(i)
    red, green, blue = _BINDINGS
    kind = (hashed(i, zero, t.seed) * f32(len(red))).astype(np.int32)
    tone = f32(0.5) + f32(0.8) * hashed(i, zero + 3, t.seed)
    c = [channel[kind] * tone for channel in (red, green, blue)]
    gap = _line(x, t.scale, 0.005, t.footprint)
    band = (np.abs(t.v / t.half_v - f32(0.4)) < f32(0.12)) & (hashed(i, zero + 4, t.seed) > f32(0.5))
    c = _mix(c, [f32(0.75)] * 3, band.astype(f32) * f32(0.7))
    return _scaled(c, f32(1) - f32(0.75) * gap)


def _picture(t: _SurfacePoints) -> Channels:
    """A landscape or blots of colour, perhaps with a white mount."""
    x, y = t.u / t.half_u, t.v / t.half_v
    zero = np.zeros_like(t.seed)
    c = [hashed(t.seed, zero + k, t.seed) for k in range(4)]
    field = noise(t.u, t.v, 90, 90, t.seed)
    hills = np.clip((noise(t.u, t.v * f32(0.1), 120, 60, t.seed) - f32(0.5) - y) * f32(12), 0, 1)
    land = _mix(t.a, [c[0] * f32(0.5), c[1] * f32(0.6), c[2] * f32(0.4)], hills)
    blots = _mix(t.a, t.b, np.clip((field - f32(0.45)) * f32(9), 0, 1))
    blots = _mix(blots, [c[1], c[2] * f32(0.6), c[0]], np.clip((field - f32(0.62)) * f32(12), 0, 1))
    paint = [np.where(c[3] > f32(0.5), p, q) for p, q in zip(land, blots, strict=True)]
    paint = _scaled(paint, f32(0.7) + f32(0.6) * noise(t.u, t.v, 300, 300, t.seed))
    mount = (np.maximum(np.abs(x), np.abs(y)) > f32(0.76)) & (c[2] > f32(0.35))
    return [np.where(mount, f32(0.8), p) for p in paint]


def _outdoors(t: _SurfacePoints) -> Channels:
    """Sky above trees."""
    y = t.v / t.half_v
    sky = _mix([f32(0.95)] * 3, t.a, np.clip(y * f32(0.5) + f32(0.5), 0, 1))
    edge = (noise(t.u, t.v * f32(0.3), 130, 130, t.seed) - f32(0.55)) * f32(2.2)
    trees = np.clip((edge - y + (t.scale - f32(0.5))) * f32(5), 0, 1)
    leaf = _scaled(t.b, f32(0.2) + f32(0.7) * noise(t.u, t.v, 420, 420, t.seed))
    return _mix(sky, leaf, trees)


def _scribbles(t: _SurfacePoints) -> Channels:
    """Lines of handwriting on a whiteboard."""
    row, y = _cell(t.v, t.scale)
    wave = (noise(t.u, row.astype(f32), 300, 37, t.seed) - f32(0.5)) * t.scale
    written = hashed(row, np.floor(t.u * f32(1.6)).astype(np.int32), t.seed) > f32(0.45)
    pen = np.clip((f32(0.008) - np.abs(y - t.scale / 2 - wave)) / t.footprint + f32(0.3), 0, 1)
    inside = np.maximum(np.abs(t.u / t.half_u), np.abs(t.v / t.half_v)) < f32(0.85)
    return _mix(t.a, t.b, pen * (written & inside).astype(f32))


_PATTERNS = (
    _plain,
    _wood,
    _planks,
    _tiles,
    _checker,
    _stripes,
    _slats,
    _brick,
    _carpet,
    _granite,
    _flowers,
    _rug,
    _spines,
    _picture,
    _outdoors,
    _scribbles,
)
#: The number of each texture's name.
TEXTURES = {p.__name__[1:]: n for n, p in enumerate(_PATTERNS)} | {"mirror": len(_PATTERNS)}


class _SurfacePoints:
    """The hits with one texture: coordinates, colours and parameters of the pattern, each (N,)."""

    def __init__(self, solids: SolidArrays, hits: Hits, footprint: np.ndarray, where: np.ndarray) -> None:
        index = hits.index[where]
        self.u, self.v, self.half_u, self.half_v, self.up = (
            x[where] for x in (hits.u, hits.v, hits.half_u, hits.half_v, hits.up)
        )
        self.footprint = footprint[where]
        self.scale, self.seed = solids.scale[index], solids.seed[index]
        self.a: Channels = [solids.a[:, i][index] for i in range(3)]
        self.b: Channels = [solids.b[:, i][index] for i in range(3)]


def albedo(solids: SolidArrays, hits: Hits, footprint: np.ndarray) -> Channels:
    """The colour of each hit surface, in linear light.

    Args:
        solids: The solids.
        hits: N hits.
        footprint: Size of a pixel at each hit in metres, (N,).
    """
    out = [np.zeros(len(footprint), f32) for _ in range(3)]
    texture = solids.texture[hits.index]
    for n, pattern in enumerate(_PATTERNS):
        where = np.flatnonzero(texture == n)
        if len(where):
            for channel, value in zip(out, pattern(_SurfacePoints(solids, hits, footprint, where)), strict=True):
                channel[where] = value
    return out
