"""Groups of solids: a piece of furniture, or a complete room."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from .primitives import BOX, CUSHION, ELLIPSOID, FRUSTUM, Axes, Material, Primitive, Vector
from .rotation import IDENTITY, turn_z


@dataclass
class Group:
    """SolidArrays in one frame: x right, y away from the wall behind (y = 0), z up; in metres.

    Attributes:
        size: Width (x, centred), depth (y, from 0) and height.
        parts: The solids.
        lights: Lamps: (x, y, z, strength).
        thing: Number of the object that added solids belong to; 0 for walls, floor and ceiling.
        things: Largest number of an object so far.
    """

    size: Vector = (0.0, 0.0, 0.0)
    parts: list[Primitive] = field(default_factory=list)
    lights: list[tuple[float, float, float, float]] = field(default_factory=list)
    thing: int = 1
    things: int = 1

    @contextmanager
    def another_thing(self) -> Iterator[None]:
        """Solids that are added inside the `with` block form another object, such as the second pillow on a bed.

        Solids of different classes are different objects without it.
        """
        before, self.things = self.thing, self.things + 1
        self.thing = self.things
        yield
        self.thing = before

    def add(
        self,
        kind: int,
        centre: Vector,
        half: Vector,
        label: int,
        material: Material,
        axes: Axes = IDENTITY,
        taper: float = 0.0,
        casts: bool = True,
    ) -> None:
        """Add a solid; see `Primitive`."""
        self.parts.append(Primitive(kind, centre, axes, half, taper, label, material, casts, self.thing))

    def box(
        self, centre: Vector, half: Vector, label: int, material: Material, axes: Axes = IDENTITY, casts: bool = True
    ) -> None:
        """Add a box with the given centre and half size."""
        self.add(BOX, centre, half, label, material, axes, 0.0, casts)

    def block(
        self,
        x0: float,
        x1: float,
        y0: float,
        y1: float,
        z0: float,
        z1: float,
        label: int,
        material: Material,
        casts: bool = True,
    ) -> None:
        """Add an axis-aligned box with the given extents."""
        half = ((x1 - x0) / 2, (y1 - y0) / 2, (z1 - z0) / 2)
        self.box(((x0 + x1) / 2, (y0 + y1) / 2, (z0 + z1) / 2), half, label, material, casts=casts)

    def cylinder(
        self,
        centre: Vector,
        radius: float | tuple[float, float],
        half_height: float,
        label: int,
        material: Material,
        axes: Axes = IDENTITY,
        taper: float = 0.0,
        casts: bool = True,
    ) -> None:
        """Add a cylinder or, with `taper`, a frustum. Two radii make it elliptic."""
        rx, ry = radius if isinstance(radius, tuple) else (radius, radius)
        self.add(FRUSTUM, centre, (rx, ry, half_height), label, material, axes, taper, casts)

    def ellipsoid(
        self, centre: Vector, half: Vector, label: int, material: Material, axes: Axes = IDENTITY, casts: bool = True
    ) -> None:
        """Add an ellipsoid with the given half axes."""
        self.add(ELLIPSOID, centre, half, label, material, axes, 0.0, casts)

    def cushion(
        self, centre: Vector, half: Vector, label: int, material: Material, axes: Axes = IDENTITY, casts: bool = True
    ) -> None:
        """Add a box with rounded sides."""
        self.add(CUSHION, centre, half, label, material, axes, 0.0, casts)

    def put(self, other: "Group", x: float = 0.0, y: float = 0.0, z: float = 0.0, degrees: float = 0.0) -> None:
        """Add another group with its origin at (x, y, z), turned about the vertical axis; its objects stay separate."""
        turned = turn_z(degrees)
        for part in other.parts:
            if part.axes is IDENTITY:
                axes = turned
            else:
                axes = (_apply(turned, part.axes[0]), _apply(turned, part.axes[1]), _apply(turned, part.axes[2]))
            cx, cy, cz = _apply(turned, part.centre)
            thing = part.thing + self.things
            self.parts.append(part._replace(centre=(cx + x, cy + y, cz + z), axes=axes, thing=thing))
        self.things += other.things
        for lx, ly, lz, strength in other.lights:
            lx, ly, lz = _apply(turned, (lx, ly, lz))
            self.lights.append((lx + x, ly + y, lz + z, strength))


def _apply(axes: Axes, v: Vector) -> Vector:
    """The vector with coordinates `v` along `axes`."""
    return (
        axes[0][0] * v[0] + axes[1][0] * v[1] + axes[2][0] * v[2],
        axes[0][1] * v[0] + axes[1][1] * v[1] + axes[2][1] * v[2],
        axes[0][2] * v[0] + axes[1][2] * v[1] + axes[2][2] * v[2],
    )
