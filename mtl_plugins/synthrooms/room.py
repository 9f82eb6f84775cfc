"""The description of a room: its size, solids, lights and camera.

World frame, in metres: x right, y along the side walls towards the camera, z up, with the floor at z = 0. Wall 0 is at
y = 0, wall 1 at x = width, wall 2 at y = depth and wall 3 at x = 0. The camera stands near wall 2 and looks towards
wall 0.
"""

from dataclasses import dataclass, field

from .primitives import Primitive, Vector


@dataclass
class Light:
    """An area light.

    Attributes:
        position: Its centre, in metres.
        colour: Its strength in (r, g, b), linear light.
        half: Half its extent along x, y and z, in metres.
        normal: The direction in which it shines; None for all directions.
        shadows: Whether objects cast shadows in its light.
        sun: The direction towards the sun, if this is a window that the sun shines through.
    """

    position: Vector
    colour: Vector
    half: Vector
    normal: Vector | None = None
    shadows: bool = True
    sun: Vector | None = None


@dataclass
class Room:
    """A furnished room.

    Attributes:
        width: Metres along x.
        depth: Metres along y.
        height: Metres along z.
        parts: Its solids; the six planes of walls, floor and ceiling come first.
        lights: Its lights.
        ambient: Strength of the ambient light in (r, g, b).
        camera: Position in metres, then the unit axes right, down and forward.
        intrinsics: fx, fy and the offset of the principal point from the image centre, as shares of the image width.
    """

    width: float
    depth: float
    height: float
    parts: list[Primitive] = field(default_factory=list)
    lights: list[Light] = field(default_factory=list)
    ambient: Vector = (0.3, 0.3, 0.3)
    camera: tuple[Vector, ...] = ()
    intrinsics: tuple[float, ...] = ()
