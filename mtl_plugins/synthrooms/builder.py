"""Puts furniture where there is room for it; the frame and the walls are those of ``room``."""

from . import fittings
from .camera import place_camera, unit
from .classes import ID
from .draw import Draw
from .primitives import PLANE, Group, Primitive, turn
from .room import Light, Room
from .style import Style


class Builder:
    """Keeps track of the floor and the walls that are taken."""

    def __init__(self, draw: Draw):
        self.d, self.s = draw, Style(draw)
        d = draw
        self.w, self.l, self.h = d.uniform(2.8, 4.4), d.uniform(3.0, 5.2), d.uniform(2.35, 2.75)
        if d.chance(0.2):
            self.w, self.l = self.w + d.uniform(0.5, 1.6), self.l + d.uniform(0.5, 2.6)
        self.room = Room(self.w, self.l, self.h)
        self.day = d.unit()
        self.taken = []  # (x0, x1, y0, y1, z0, z1, first part, last part) of what stands
        self.hung = [[], [], [], []]  # per wall (s0, s1, z0, z1)
        self.lamps = []

    def shell(self, hard_floor):
        w, deep, h, d = self.w, self.l, self.h, self.d
        walls, floor = self.s.wall(), self.s.floor(hard_floor)
        ceiling = self.s.paint((0.90, 0.90, 0.88), spread=0.03)
        X, Y, Z = (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)
        back_x, back_y, down = (-1.0, 0.0, 0.0), (0.0, -1.0, 0.0), (0.0, 0.0, -1.0)
        # Axes (u, v, normal): v is up on walls.
        planes = (
            ((w / 2, 0, h / 2), (X, Z, Y), (w / 2, h / 2), "wall", walls[0]),
            ((w, deep / 2, h / 2), (Y, Z, back_x), (deep / 2, h / 2), "wall", walls[1]),
            ((w / 2, deep, h / 2), (X, Z, back_y), (w / 2, h / 2), "wall", walls[2]),
            ((0, deep / 2, h / 2), (Y, Z, X), (deep / 2, h / 2), "wall", walls[3]),
            ((w / 2, deep / 2, 0), (X, Y, Z), (w / 2, deep / 2), "floor", floor),
            ((w / 2, deep / 2, h), (X, Y, down), (w / 2, deep / 2), "ceiling", ceiling),
        )
        if d.chance(0.5):  # the other way round
            planes = (
                *planes[:4],
                ((w / 2, deep / 2, 0), (Y, X, Z), (deep / 2, w / 2), "floor", floor),
                planes[5],
            )
        for centre, axes, half, label, material in planes:
            self.room.parts.append(Primitive(PLANE, centre, axes, (*half, 0.0), 0.0, ID[label], material, False))
        skirting, g = self.s.paint((0.88, 0.87, 0.84), gloss=0.1), Group()
        if d.chance(0.7):
            for x0, x1, y0, y1 in ((0, w, 0, 0.015), (w - 0.015, w, 0, deep), (0, 0.015, 0, deep)):
                g.block(x0, x1, y0, y1, 0, 0.09, ID["wall"], skirting, casts=False)
        if d.chance(0.35):
            for x0, x1, y0, y1 in ((0, w, 0, 0.05), (w - 0.05, w, 0, deep), (0, 0.05, 0, deep)):
                g.block(x0, x1, y0, y1, self.h - 0.07, self.h, ID["ceiling"], skirting, casts=False)
        self.room.parts += g.parts

    def length(self, wall):
        return self.w if wall % 2 == 0 else self.l

    def origin(self, wall, s):
        return ((s, 0.0), (self.w, s), (self.w - s, self.l), (0.0, self.l - s))[wall]

    def along(self, wall, y):
        """The place along a side wall of a point at ``y``."""
        return y if wall == 1 else self.l - y

    def _extent(self, g: Group, x, y, z, degrees):
        c, s = (abs(v) for v in turn(degrees))
        cc, ss = turn(degrees)
        mx, my = x - ss * g.size[1] / 2, y + cc * g.size[1] / 2
        hx, hy = (c * g.size[0] + s * g.size[1]) / 2, (s * g.size[0] + c * g.size[1]) / 2
        return mx - hx, mx + hx, my - hy, my + hy, z, z + g.size[2]

    def _emit(self, g: Group, x, y, z, degrees, extent, solid=True):
        whole, first = Group(), len(self.room.parts)
        whole.put(g, x, y, z, degrees)
        self.room.parts += whole.parts
        self.lamps += whole.lights
        if solid:
            self.taken.append((*extent, first, len(self.room.parts)))

    def stand(self, g: Group, x, y, degrees=0.0, z=0.0, gap=0.04, flat=False) -> bool:
        """Puts a group on the floor (or at height ``z``) if it fits; a ``flat`` one lies under others."""
        e = self._extent(g, x, y, z, degrees)
        if e[0] < -1e-6 or e[1] > self.w + 1e-6 or e[2] < -1e-6 or e[3] > self.l + 1e-6:
            return False
        if not flat and any(
            e[0] - gap < t[1]
            and t[0] < e[1] + gap
            and e[2] - gap < t[3]
            and t[2] < e[3] + gap
            and e[4] < t[5]
            and t[4] < e[5]
            for t in self.taken
        ):
            return False
        self._emit(g, x, y, z, degrees, e, solid=not flat)
        return True

    def against(self, g: Group, wall, s, out=0.02, gap=0.04) -> bool:
        """Stands a group with its back to a wall, its middle at ``s`` along it."""
        c, sn = turn(90.0 * wall)
        x, y = self.origin(wall, s)
        half = g.size[0] / 2
        if any(s - half < b and a < s + half and z0 < g.size[2] for a, b, z0, _ in self.hung[wall]):
            return False
        if not self.stand(g, x - sn * out, y + c * out, 90.0 * wall, gap=gap):
            return False
        self.hung[wall].append((s - half, s + half, 0.0, g.size[2]))
        return True

    def try_against(self, g: Group, walls, far=0.0, near=0.75, tries=6):
        """Tries places along the walls, where the camera sees them; gives (wall, place), or None."""
        for _ in range(tries):
            wall = self.d.pick(walls)
            half = g.size[0] / 2 + 0.03
            if wall == 0:
                s = self.d.uniform(half, max(half, self.w - half))
            else:
                y = self.d.uniform(max(half, far * self.l), max(half, near * self.l - half * 0.5))
                s = self.along(wall, y)
            if self.against(g, wall, s):
                return wall, s
        return None

    def hang(self, g: Group, wall, s, z, low, high, taken=True, out=0.002) -> bool:
        """Fixes a group on a wall with its origin at height z; it takes z + low .. z + high."""
        half = g.size[0] / 2
        if s - half < 0.02 or s + half > self.length(wall) - 0.02 or z + high > self.h - 0.03:
            return False
        if taken and any(
            s - half - 0.05 < b and a < s + half + 0.05 and z + low - 0.04 < z1 and z0 < z + high + 0.04
            for a, b, z0, z1 in self.hung[wall]
        ):
            return False
        c, sn = turn(90.0 * wall)
        x, y = self.origin(wall, s)
        self._emit(
            g,
            x - sn * out,
            y + c * out,
            z,
            90.0 * wall,
            self._extent(Group((g.size[0], g.size[1], 0)), x, y, z, 90.0 * wall)[:4] + (z + low, z + high),
        )
        self.hung[wall].append((s - half, s + half, z + low, z + high))
        return True

    def try_hang(self, g: Group, walls, z, tries=6):
        for _ in range(tries):
            wall = self.d.pick(walls)
            y = self.d.uniform(0.2, 0.7) * self.l
            s = self.d.uniform(0.15, 0.85) * self.w if wall == 0 else self.along(wall, y)
            if self.hang(g, wall, s, z, -g.size[2] / 2, g.size[2] / 2):
                return True
        return False

    def window(self, wall, s=None, sill=None, wide=None, dress=True) -> bool:
        d = self.d
        w, sill = wide or d.uniform(0.9, 1.7), sill or d.uniform(0.75, 1.0)
        h = min(d.uniform(1.0, 1.4), self.h - sill - 0.35)
        if s is None:
            s = d.uniform(0.25, 0.75) * self.w if wall == 0 else self.along(wall, d.uniform(0.25, 0.6) * self.l)
        if not self.hang(fittings.window(d, self.s, w, h, self.day), wall, s, sill, -0.09, h + 0.09):
            return False
        x, y = self.origin(wall, s)
        c, sn = turn(90.0 * wall)
        strength = (0.5 + 2.8 * self.day) * w * h
        self.room.lights.append(
            Light(
                (x - sn * 0.12, y + c * 0.12, sill + h / 2),
                (strength * 0.92, strength, strength * 1.12),
                (abs(c) * w * 0.4, abs(sn) * w * 0.4, h * 0.4),
                (-sn, c, 0.0),
            )
        )
        if self.day > 0.45 and d.chance(0.6):
            across, power = d.uniform(-0.8, 0.8), d.uniform(1.2, 2.6)
            towards = unit((sn + across * c, -c + across * sn, d.uniform(0.5, 1.3)))
            self.room.lights.append(
                Light(
                    (x, y, sill + h / 2),
                    (power * 1.08, power, power * 0.84),
                    (abs(c) * w / 2, abs(sn) * w / 2, h / 2),
                    (-sn, c, 0.0),
                    sun=towards,
                )
            )
        if dress and d.chance(0.5):
            low = d.pick((0.05, 0.05, sill - 0.2))
            cloth = fittings.curtains(d, self.s, w, low, min(sill + h + 0.15, self.h - 0.1))
            if s - cloth.size[0] / 2 > 0 and s + cloth.size[0] / 2 < self.length(wall):
                extent = self._extent(cloth, x, y, 0.0, 90.0 * wall)
                if not any(
                    extent[0] < t[1]
                    and t[0] < extent[1]
                    and extent[2] < t[3]
                    and t[2] < extent[3]
                    and t[5] > low
                    and t[4] < 0.5
                    for t in self.taken
                ):
                    self._emit(cloth, x, y, 0.0, 90.0 * wall, extent)
                    self.hung[wall].append((s - cloth.size[0] / 2, s + cloth.size[0] / 2, low, sill + h))
                    return True
        if dress and d.chance(0.65):
            shade = fittings.blinds(d, self.s, w, h)
            self._emit(shade, x, y, sill, 90.0 * wall, self._extent(shade, x, y, sill, 90.0 * wall))
        return True

    def on_top(self, g: Group, wall, s, shift, out, z):
        """Stands a small group on furniture at a wall."""
        c, sn = turn(90.0 * wall)
        x, y = self.origin(wall, s)
        x, y = x + c * shift - sn * out, y + sn * shift + c * out
        self._emit(g, x, y, z, 90.0 * wall, self._extent(g, x, y, z, 90.0 * wall))

    def finish(self) -> Room:
        d, room = self.d, self.room
        for _ in range(d.integer(1, 3)):
            self.try_hang(fittings.picture(d, self.s), (0, 0, 1, 3), d.uniform(1.4, 1.7))
        lx, ly = self.w * d.uniform(0.35, 0.65), self.l * d.uniform(0.3, 0.6)
        warm = d.uniform(0.0, 0.25)
        on = d.uniform(0.5, 1.0) if self.day > 0.55 and room.lights and d.chance(0.5) else d.uniform(1.5, 2.6)
        room.lights.insert(0, Light((lx, ly, self.h - 0.22), (on * (1 + warm), on, on * (1 - warm)), (0.2, 0.2, 0.03)))
        if d.chance(0.6):
            g = fittings.ceiling_lamp(d, self.s)
            room.parts += [
                p._replace(centre=(p.centre[0] + lx, p.centre[1] + ly, p.centre[2] + self.h)) for p in g.parts
            ]
        for x, y, z, strength in self.lamps:
            room.lights.append(Light((x, y, z), (strength * 1.2, strength, strength * 0.65), (0, 0, 0), shadows=False))
        level = d.uniform(0.16, 0.24)
        room.ambient = (level * (1 + warm * 0.5), level, level * (1.04 - warm * 0.5))
        # Light from the whole ceiling: what makes it dark under tables.
        fill = 4.5 * level
        room.lights.insert(
            1,
            Light(
                (self.w / 2, self.l * 0.42, self.h - 0.05),
                (fill, fill, fill),
                (self.w * 0.42, self.l * 0.4, 0.0),
            ),
        )
        place_camera(self)
        return room
