"""The convex solids that rooms are made of, with their class and material."""

from typing import NamedTuple

Vector = tuple[float, float, float]
Axes = tuple[Vector, Vector, Vector]

#: Kinds of solids. The axis of a frustum is its local z. A cushion is a box cut by an ellipsoid `CUSHION_SWELL` times
#: its size.
PLANE, BOX, FRUSTUM, ELLIPSOID, CUSHION = range(5)
CUSHION_SWELL = 1.3


def scaled(v: Vector, factor: float) -> Vector:
    """A vector or colour times a number."""
    return v[0] * factor, v[1] * factor, v[2] * factor


class Material(NamedTuple):
    """How a surface looks.

    Attributes:
        texture: A name in `textures.TEXTURES`; it mixes the two colours.
        a: First colour, display values (r, g, b) from 0 to 1.
        b: Second colour.
        scale: Size of the pattern in metres.
        gloss: Strength of the highlights, 0 to 1.
        glow: Light that the surface emits itself.
        seed: Seed of the pattern.
    """

    texture: str
    a: Vector
    b: Vector
    scale: float = 0.1
    gloss: float = 0.0
    glow: float = 0.0
    seed: int = 0


class Primitive(NamedTuple):
    """One solid.

    Attributes:
        kind: `PLANE`, `BOX`, `FRUSTUM`, `ELLIPSOID` or `CUSHION`.
        centre: Metres in the parent frame.
        axes: The local x, y and z axes as unit vectors of the parent frame.
        half: Half the size along the local axes, in metres.
        taper: Relative change of a frustum's radius from its middle to its top.
        label: Class id, 0 to 39.
        material: How it looks.
        casts: Whether it casts shadows.
        thing: Number of the object that it belongs to, within its group or room; 0 for walls, floor and ceiling.
    """

    kind: int
    centre: Vector
    axes: Axes
    half: Vector
    taper: float
    label: int
    material: Material
    casts: bool
    thing: int = 0
