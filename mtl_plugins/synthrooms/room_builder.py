"""Places furniture where there is space for it. The coordinate frame and the wall numbers are those of `room`."""

from typing import NamedTuple

from . import fittings
from .class_ids import CLASS_ID
from .group import Group
from .place_camera import place_camera
from .portable_random import PortableRandom
from .primitives import PLANE, Primitive
from .room import Light, Room
from .rotation import cos_sin
from .style import Style
from .vectors import unit


class Occupied(NamedTuple):
    """The axis-aligned box of a placed group in metres, and the range of its parts in `Room.parts`."""

    x0: float
    x1: float
    y0: float
    y1: float
    z0: float
    z1: float
    first_part: int
    end_part: int


class RoomBuilder:
    """Builds one room and keeps track of the space that is taken on its floor and walls.

    A place on a wall is given by the wall's number (0 to 3) and the distance from its left end, in metres.

    Args:
        rng: The source of all random numbers. The order of the draws determines the room.
    """

    def __init__(self, rng: PortableRandom) -> None:
        self.rng, self.style = rng, Style(rng)
        self.width, self.depth, self.height = rng.uniform(2.8, 4.4), rng.uniform(3.0, 5.2), rng.uniform(2.35, 2.75)
        if rng.chance(0.2):
            self.width, self.depth = self.width + rng.uniform(0.5, 1.6), self.depth + rng.uniform(0.5, 2.6)
        self.room = Room(self.width, self.depth, self.height)
        self.daylight = rng.unit()
        self.occupied: list[Occupied] = []
        #: Taken intervals of each wall: (start, end, bottom, top), metres along the wall and above the floor.
        self.taken_on_wall: list[list[tuple[float, float, float, float]]] = [[], [], [], []]
        self.lamps: list[tuple[float, float, float, float]] = []
        self.things = 0  # largest number of an object so far

    def add_shell(self, hard_floor: bool) -> None:
        """Add walls, floor, ceiling, and perhaps skirting boards and mouldings."""
        w, deep, h, rng = self.width, self.depth, self.height, self.rng
        walls, floor = self.style.wall(), self.style.floor(hard_floor)
        ceiling = self.style.paint((0.90, 0.90, 0.88), spread=0.03)
        X, Y, Z = (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)
        back_x, back_y, down = (-1.0, 0.0, 0.0), (0.0, -1.0, 0.0), (0.0, 0.0, -1.0)
        # Axes (u, v, normal): v points up on walls.
        planes = (
            ((w / 2, 0, h / 2), (X, Z, Y), (w / 2, h / 2), "wall", walls[0]),
            ((w, deep / 2, h / 2), (Y, Z, back_x), (deep / 2, h / 2), "wall", walls[1]),
            ((w / 2, deep, h / 2), (X, Z, back_y), (w / 2, h / 2), "wall", walls[2]),
            ((0, deep / 2, h / 2), (Y, Z, X), (deep / 2, h / 2), "wall", walls[3]),
            ((w / 2, deep / 2, 0), (X, Y, Z), (w / 2, deep / 2), "floor", floor),
            ((w / 2, deep / 2, h), (X, Y, down), (w / 2, deep / 2), "ceiling", ceiling),
        )
        if rng.chance(0.5):  # floor boards along the other direction
            planes = (
                *planes[:4],
                ((w / 2, deep / 2, 0), (Y, X, Z), (deep / 2, w / 2), "floor", floor),
                planes[5],
            )
        for centre, axes, half, label, material in planes:
            self.room.parts.append(Primitive(PLANE, centre, axes, (*half, 0.0), 0.0, CLASS_ID[label], material, False))
        skirting, group = self.style.paint((0.88, 0.87, 0.84), gloss=0.1), Group(thing=0)
        if rng.chance(0.7):
            for x0, x1, y0, y1 in ((0, w, 0, 0.015), (w - 0.015, w, 0, deep), (0, 0.015, 0, deep)):
                group.block(x0, x1, y0, y1, 0, 0.09, CLASS_ID["wall"], skirting, casts=False)
        if rng.chance(0.35):
            for x0, x1, y0, y1 in ((0, w, 0, 0.05), (w - 0.05, w, 0, deep), (0, 0.05, 0, deep)):
                group.block(x0, x1, y0, y1, h - 0.07, h, CLASS_ID["ceiling"], skirting, casts=False)
        self.room.parts += group.parts

    def wall_length(self, wall: int) -> float:
        """Length of a wall in metres."""
        return self.width if wall % 2 == 0 else self.depth

    def floor_point(self, wall: int, place: float) -> tuple[float, float]:
        """World coordinates (x, y) of a place at the foot of a wall."""
        return (
            (place, 0.0),
            (self.width, place),
            (self.width - place, self.depth),
            (0.0, self.depth - place),
        )[wall]

    def place_at(self, wall: int, y: float) -> float:
        """The place on a side wall (1 or 3) at world coordinate `y`."""
        return y if wall == 1 else self.depth - y

    def stand(
        self,
        group: Group,
        x: float,
        y: float,
        degrees: float = 0.0,
        z: float = 0.0,
        gap: float = 0.04,
        flat: bool = False,
    ) -> bool:
        """Put a group on the floor, or at height `z`, if it fits.

        Args:
            group: What to place.
            x: World coordinate of the middle of the group's back.
            y: World coordinate of the middle of the group's back.
            degrees: Rotation about the vertical axis.
            z: Height of the group's bottom above the floor.
            gap: Smallest distance to other things; negative allows overlap.
            flat: Whether other things may stand on it, like a rug.

        Returns:
            Whether the group was placed.
        """
        extent = self._extent(group, x, y, z, degrees)
        x0, x1, y0, y1, z0, z1 = extent
        if x0 < -1e-6 or x1 > self.width + 1e-6 or y0 < -1e-6 or y1 > self.depth + 1e-6:
            return False
        if not flat and any(
            x0 - gap < other.x1
            and other.x0 < x1 + gap
            and y0 - gap < other.y1
            and other.y0 < y1 + gap
            and z0 < other.z1
            and other.z0 < z1
            for other in self.occupied
        ):
            return False
        self._add(group, x, y, z, degrees, extent, occupies=not flat)
        return True

    def stand_against(self, group: Group, wall: int, place: float, distance: float = 0.02, gap: float = 0.04) -> bool:
        """Stand a group with its back to a wall, centred at `place`; returns whether it fits.

        Args:
            group: What to place.
            wall: Number of the wall.
            place: Metres along the wall.
            distance: Metres between the group's back and the wall.
            gap: Smallest distance to other things.
        """
        c, s = cos_sin(90.0 * wall)
        x, y = self.floor_point(wall, place)
        half = group.size[0] / 2
        if any(
            place - half < end and start < place + half and bottom < group.size[2]
            for start, end, bottom, _ in self.taken_on_wall[wall]
        ):
            return False
        if not self.stand(group, x - s * distance, y + c * distance, 90.0 * wall, gap=gap):
            return False
        self.taken_on_wall[wall].append((place - half, place + half, 0.0, group.size[2]))
        return True

    def try_stand_against(
        self, group: Group, walls: tuple[int, ...] | list[int], far: float = 0.0, near: float = 0.75, tries: int = 6
    ) -> tuple[int, float] | None:
        """Try random places along `walls` that the camera can see.

        Args:
            group: What to place.
            walls: Numbers of the walls to choose from.
            far: Start of the allowed part of side walls, as a share of the room's depth from wall 0.
            near: End of the allowed part.
            tries: Number of places to try.

        Returns:
            The wall and the place, or None if the group does not fit.
        """
        for _ in range(tries):
            wall = self.rng.pick(walls)
            half = group.size[0] / 2 + 0.03
            if wall == 0:
                place = self.rng.uniform(half, max(half, self.width - half))
            else:
                y = self.rng.uniform(max(half, far * self.depth), max(half, near * self.depth - half * 0.5))
                place = self.place_at(wall, y)
            if self.stand_against(group, wall, place):
                return wall, place
        return None

    def hang(
        self,
        group: Group,
        wall: int,
        place: float,
        z: float,
        low: float,
        high: float,
        distance: float = 0.002,
    ) -> bool:
        """Fix a group to a wall; returns whether it fits.

        Args:
            group: What to hang.
            wall: Number of the wall.
            place: Metres along the wall.
            z: Height of the group's origin above the floor.
            low: Bottom of the space that it takes, relative to `z`.
            high: Top of the space that it takes, relative to `z`.
            distance: Metres between the group's back and the wall.
        """
        half = group.size[0] / 2
        if place - half < 0.02 or place + half > self.wall_length(wall) - 0.02 or z + high > self.height - 0.03:
            return False
        if any(
            place - half - 0.05 < end
            and start < place + half + 0.05
            and z + low - 0.04 < top
            and bottom < z + high + 0.04
            for start, end, bottom, top in self.taken_on_wall[wall]
        ):
            return False
        c, s = cos_sin(90.0 * wall)
        x, y = self.floor_point(wall, place)
        x0, x1, y0, y1, _, _ = self._extent(Group((group.size[0], group.size[1], 0)), x, y, z, 90.0 * wall)
        extent = (x0, x1, y0, y1, z + low, z + high)
        self._add(group, x - s * distance, y + c * distance, z, 90.0 * wall, extent)
        self.taken_on_wall[wall].append((place - half, place + half, z + low, z + high))
        return True

    def try_hang(self, group: Group, walls: tuple[int, ...], z: float, tries: int = 6) -> bool:
        """Try random places on `walls` with the group's centre at height `z`; returns whether one fits."""
        for _ in range(tries):
            wall = self.rng.pick(walls)
            y = self.rng.uniform(0.2, 0.7) * self.depth
            place = self.rng.uniform(0.15, 0.85) * self.width if wall == 0 else self.place_at(wall, y)
            if self.hang(group, wall, place, z, -group.size[2] / 2, group.size[2] / 2):
                return True
        return False

    def add_window(self, wall: int) -> bool:
        """Add a window with its daylight, and perhaps sunlight, curtains or blinds; returns whether it fits."""
        rng = self.rng
        width, sill = rng.uniform(0.9, 1.7), rng.uniform(0.75, 1.0)
        height = min(rng.uniform(1.0, 1.4), self.height - sill - 0.35)
        if wall == 0:
            place = rng.uniform(0.25, 0.75) * self.width
        else:
            place = self.place_at(wall, rng.uniform(0.25, 0.6) * self.depth)
        pane = fittings.window(rng, self.style, width, height, self.daylight)
        if not self.hang(pane, wall, place, sill, -0.09, height + 0.09):
            return False
        self._light_window(wall, place, sill, width, height)
        if rng.chance(0.5) and self._add_curtains(wall, place, sill, width, height):
            return True
        if rng.chance(0.65):
            x, y = self.floor_point(wall, place)
            blinds = fittings.blinds(rng, self.style, width, height)
            self._add(blinds, x, y, sill, 90.0 * wall, self._extent(blinds, x, y, sill, 90.0 * wall))
        return True

    def put_on_top(self, group: Group, wall: int, place: float, shift: float, distance: float, z: float) -> None:
        """Put a small group on furniture that stands at a wall.

        Args:
            group: What to place.
            wall: Number of the wall.
            place: Where the furniture stands, metres along the wall.
            shift: Metres from there along the wall.
            distance: Metres from the wall.
            z: Height of the furniture.
        """
        c, s = cos_sin(90.0 * wall)
        x, y = self.floor_point(wall, place)
        x, y = x + c * shift - s * distance, y + s * shift + c * distance
        self._add(group, x, y, z, 90.0 * wall, self._extent(group, x, y, z, 90.0 * wall))

    def finish(self) -> Room:
        """Add pictures, the lamps' light and the camera, and return the room."""
        rng, room = self.rng, self.room
        for _ in range(rng.integer(1, 3)):
            self.try_hang(fittings.picture(rng, self.style), (0, 0, 1, 3), rng.uniform(1.4, 1.7))
        x, y = self.width * rng.uniform(0.35, 0.65), self.depth * rng.uniform(0.3, 0.6)
        warm = rng.uniform(0.0, 0.25)
        if self.daylight > 0.55 and room.lights and rng.chance(0.5):
            power = rng.uniform(0.5, 1.0)
        else:
            power = rng.uniform(1.5, 2.6)
        colour = (power * (1 + warm), power, power * (1 - warm))
        room.lights.insert(0, Light((x, y, self.height - 0.22), colour, (0.2, 0.2, 0.03)))
        if rng.chance(0.6):
            lamp = fittings.ceiling_lamp(rng, self.style)
            room.parts += [
                part._replace(
                    centre=(part.centre[0] + x, part.centre[1] + y, part.centre[2] + self.height),
                    thing=part.thing + self.things,
                )
                for part in lamp.parts
            ]
            self.things += lamp.things
        for x, y, z, strength in self.lamps:
            room.lights.append(Light((x, y, z), (strength * 1.2, strength, strength * 0.65), (0, 0, 0), shadows=False))
        level = rng.uniform(0.16, 0.24)
        room.ambient = (level * (1 + warm * 0.5), level, level * (1.04 - warm * 0.5))
        # Light from the complete ceiling, which darkens the floor under tables.
        fill = 4.5 * level
        ceiling = (self.width / 2, self.depth * 0.42, self.height - 0.05)
        room.lights.insert(1, Light(ceiling, (fill, fill, fill), (self.width * 0.42, self.depth * 0.4, 0.0)))
        room.parts, room.camera, room.intrinsics = place_camera(rng, room, self.occupied)
        return room

    def _light_window(self, wall: int, place: float, sill: float, width: float, height: float) -> None:
        rng = self.rng
        x, y = self.floor_point(wall, place)
        c, s = cos_sin(90.0 * wall)
        strength = (0.5 + 2.8 * self.daylight) * width * height
        self.room.lights.append(
            Light(
                (x - s * 0.12, y + c * 0.12, sill + height / 2),
                (strength * 0.92, strength, strength * 1.12),
                (abs(c) * width * 0.4, abs(s) * width * 0.4, height * 0.4),
                (-s, c, 0.0),
            )
        )
        if self.daylight > 0.45 and rng.chance(0.6):
            across, power = rng.uniform(-0.8, 0.8), rng.uniform(1.2, 2.6)
            towards = unit((s + across * c, -c + across * s, rng.uniform(0.5, 1.3)))
            self.room.lights.append(
                Light(
                    (x, y, sill + height / 2),
                    (power * 1.08, power, power * 0.84),
                    (abs(c) * width / 2, abs(s) * width / 2, height / 2),
                    (-s, c, 0.0),
                    sun=towards,
                )
            )

    def _add_curtains(self, wall: int, place: float, sill: float, width: float, height: float) -> bool:
        """Hang curtains unless furniture is in their way; returns whether they hang."""
        rng = self.rng
        low = rng.pick((0.05, 0.05, sill - 0.2))
        cloth = fittings.curtains(rng, self.style, width, low, min(sill + height + 0.15, self.height - 0.1))
        half = cloth.size[0] / 2
        if place - half <= 0 or place + half >= self.wall_length(wall):
            return False
        x, y = self.floor_point(wall, place)
        extent = self._extent(cloth, x, y, 0.0, 90.0 * wall)
        x0, x1, y0, y1, _, _ = extent
        if any(
            x0 < other.x1 and other.x0 < x1 and y0 < other.y1 and other.y0 < y1 and other.z1 > low and other.z0 < 0.5
            for other in self.occupied
        ):
            return False
        self._add(cloth, x, y, 0.0, 90.0 * wall, extent)
        self.taken_on_wall[wall].append((place - half, place + half, low, sill + height))
        return True

    def _extent(
        self, group: Group, x: float, y: float, z: float, degrees: float
    ) -> tuple[float, float, float, float, float, float]:
        """The axis-aligned box (x0, x1, y0, y1, z0, z1) of a group that is placed and rotated."""
        cos, sin = cos_sin(degrees)
        c, s = abs(cos), abs(sin)
        mx, my = x - sin * group.size[1] / 2, y + cos * group.size[1] / 2
        hx, hy = (c * group.size[0] + s * group.size[1]) / 2, (s * group.size[0] + c * group.size[1]) / 2
        return mx - hx, mx + hx, my - hy, my + hy, z, z + group.size[2]

    def _add(
        self,
        group: Group,
        x: float,
        y: float,
        z: float,
        degrees: float,
        extent: tuple[float, float, float, float, float, float],
        occupies: bool = True,
    ) -> None:
        placed, first = Group(things=self.things), len(self.room.parts)
        placed.put(group, x, y, z, degrees)
        self.things = placed.things
        self.room.parts += placed.parts
        self.lamps += placed.lights
        if occupies:
            self.occupied.append(Occupied(*extent, first, len(self.room.parts)))
