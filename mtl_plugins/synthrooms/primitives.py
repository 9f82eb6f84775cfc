"""Solids with a place, a class and a material, and the groups that furniture is made of."""

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

PLANE, BOX, FRUSTUM, ELLIPSOID, CUSHION = range(5)
"""Kinds. A frustum's local axis is z; a cushion is a box cut by the ellipsoid ``CUSHION_SWELL`` its size."""
CUSHION_SWELL = 1.3
IDENTITY = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))


class Material(NamedTuple):
    """Two colours (display values, 0..1) and how ``texture`` mixes them; ``scale`` in metres."""

    texture: str
    a: tuple
    b: tuple
    scale: float = 0.1
    gloss: float = 0.0
    glow: float = 0.0
    seed: int = 0


class Primitive(NamedTuple):
    kind: int
    centre: tuple
    axes: tuple  # local x, y, z as vectors of the parent frame
    half: tuple
    taper: float
    label: int
    material: Material
    casts: bool


def turn(degrees: float) -> tuple:
    """(cos, sin), the same on every machine: by a rational form, within 0.01 degree of the angle."""
    quarters = int((degrees + 45.0) // 90.0)
    x = (degrees - 90.0 * quarters) * (3.141592653589793 / 360.0)
    t = x * (15.0 - x * x) / (15.0 - 6.0 * x * x)
    c, s = (1.0 - t * t) / (1.0 + t * t), 2.0 * t / (1.0 + t * t)
    for _ in range(quarters % 4):
        c, s = -s, c
    return c, s


def tilt_x(degrees: float) -> tuple:
    """Axes turned about local x: positive leans the top (z) towards -y."""
    c, s = turn(degrees)
    return ((1.0, 0.0, 0.0), (0.0, c, s), (0.0, -s, c))


def turn_z(degrees: float) -> tuple:
    c, s = turn(degrees)
    return ((c, s, 0.0), (-s, c, 0.0), (0.0, 0.0, 1.0))


LYING_X = ((0.0, 1.0, 0.0), (0.0, 0.0, 1.0), (1.0, 0.0, 0.0))  # a frustum's axis along x
LYING_Y = ((0.0, 0.0, 1.0), (1.0, 0.0, 0.0), (0.0, 1.0, 0.0))  # ... along y


@dataclass
class Group:
    """Primitives in one frame: x to the right, y out of the wall behind (y = 0), z up; metres."""

    size: tuple = (0.0, 0.0, 0.0)  # width (x, centred), depth (y, from 0), height
    parts: list = field(default_factory=list)
    lights: list = field(default_factory=list)  # (x, y, z, strength) of lamps

    def add(self, kind, centre, half, label, material, axes=IDENTITY, taper=0.0, casts=True):
        self.parts.append(Primitive(kind, tuple(centre), axes, tuple(half), taper, label, material, casts))

    def box(self, centre, half, label, material, axes=IDENTITY, casts=True):
        self.add(BOX, centre, half, label, material, axes, 0.0, casts)

    def block(self, x0, x1, y0, y1, z0, z1, label, material, casts=True):
        """A box from its extents."""
        half = ((x1 - x0) / 2, (y1 - y0) / 2, (z1 - z0) / 2)
        self.box(((x0 + x1) / 2, (y0 + y1) / 2, (z0 + z1) / 2), half, label, material, casts=casts)

    def cylinder(self, centre, radius, half_height, label, material, axes=IDENTITY, taper=0.0, casts=True):
        rx, ry = radius if isinstance(radius, tuple) else (radius, radius)
        self.add(FRUSTUM, centre, (rx, ry, half_height), label, material, axes, taper, casts)

    def ellipsoid(self, centre, half, label, material, axes=IDENTITY, casts=True):
        self.add(ELLIPSOID, centre, half, label, material, axes, 0.0, casts)

    def cushion(self, centre, half, label, material, axes=IDENTITY, casts=True):
        self.add(CUSHION, centre, half, label, material, axes, 0.0, casts)

    def put(self, other: "Group", x=0.0, y=0.0, z=0.0, degrees=0.0):
        """Adds ``other`` with its origin at (x, y, z), turned about z."""
        turned = turn_z(degrees)
        for p in other.parts:
            axes = turned if p.axes is IDENTITY else tuple(_apply(turned, a) for a in p.axes)
            cx, cy, cz = _apply(turned, p.centre)
            self.parts.append(p._replace(centre=(cx + x, cy + y, cz + z), axes=axes))
        for lx, ly, lz, strength in other.lights:
            lx, ly, lz = _apply(turned, (lx, ly, lz))
            self.lights.append((lx + x, ly + y, lz + z, strength))


def _apply(axes, v) -> tuple:
    return tuple(axes[0][i] * v[0] + axes[1][i] * v[1] + axes[2][i] * v[2] for i in range(3))


class Solids:
    """Primitives as arrays: centre (N, 3), axes (N, 3, 3), half (N, 3), taper, kind, label, materials."""

    def __init__(self, parts: list, textures: dict):
        f32 = np.float32
        self.kind = np.array([p.kind for p in parts], np.int32)
        self.centre = np.array([p.centre for p in parts], f32)
        self.axes = np.array([p.axes for p in parts], f32)
        self.half = np.array([p.half for p in parts], f32)
        self.taper = np.array([p.taper for p in parts], f32)
        self.label = np.array([p.label for p in parts], np.uint8)
        self.casts = np.array([p.casts for p in parts], bool)
        materials = [p.material for p in parts]
        self.texture = np.array([textures[m.texture] for m in materials], np.int32)
        self.scale = np.array([m.scale for m in materials], f32)
        self.gloss = np.array([m.gloss for m in materials], f32)
        self.glow = np.array([m.glow for m in materials], f32)
        self.seed = np.array([m.seed for m in materials], np.int32)
        # Display values to linear light: the renderer's transfer curve is a square root.
        self.a = np.array([[c * c for c in m.a] for m in materials], f32)
        self.b = np.array([[c * c for c in m.b] for m in materials], f32)

    def __len__(self):
        return len(self.kind)
