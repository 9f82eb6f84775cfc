"""What a room is: its size, its solids, its lights and its camera.

World frame: x to the right and y along the side walls, z up, the floor at z = 0. Wall 0 is y = 0, wall 1 is
x = W, wall 2 is y = D, wall 3 is x = 0; the camera stands near wall 2 and looks towards wall 0.
"""

from dataclasses import dataclass, field


@dataclass
class Light:
    """An area light: ``half`` its extent along x, y, z; ``normal`` (if any) where it shines to."""

    position: tuple
    colour: tuple
    half: tuple
    normal: tuple | None = None
    shadows: bool = True
    sun: tuple | None = None  # towards the sun, which shines through the window at `position`


@dataclass
class Room:
    width: float
    depth: float
    height: float
    parts: list = field(default_factory=list)
    lights: list = field(default_factory=list)
    ambient: tuple = (0.3, 0.3, 0.3)
    camera: tuple = ()  # position, then the axes right, down, forward
    intrinsics: tuple = ()  # fx, fy, cx, cy for an image one unit wide and `aspect` high
