"""Materials of one room: a few woods, fabrics and paints that go together."""

from .draw import Draw
from .primitives import Material

_WOODS = (
    ((0.62, 0.42, 0.26), (0.44, 0.27, 0.15)),
    ((0.48, 0.30, 0.18), (0.30, 0.17, 0.10)),
    ((0.74, 0.56, 0.36), (0.58, 0.40, 0.24)),
    ((0.36, 0.22, 0.15), (0.22, 0.13, 0.09)),
)
_PALE_WOODS = (((0.80, 0.66, 0.46), (0.68, 0.53, 0.34)), ((0.76, 0.58, 0.38), (0.62, 0.45, 0.28)))
_WALLS = (
    (0.86, 0.82, 0.72),
    (0.84, 0.83, 0.80),
    (0.78, 0.80, 0.83),
    (0.80, 0.84, 0.76),
    (0.87, 0.80, 0.64),
    (0.74, 0.80, 0.84),
    (0.86, 0.76, 0.70),
    (0.70, 0.68, 0.64),
)
_SOFAS = ((0.46, 0.16, 0.14), (0.34, 0.36, 0.42), (0.42, 0.30, 0.22), (0.22, 0.32, 0.46), (0.50, 0.46, 0.38))
_SPREADS = (
    (0.80, 0.80, 0.84),
    (0.52, 0.62, 0.78),
    (0.78, 0.58, 0.60),
    (0.60, 0.72, 0.60),
    (0.72, 0.66, 0.50),
    (0.50, 0.42, 0.62),
)
_DRAPES = (
    (0.66, 0.30, 0.26),
    (0.74, 0.62, 0.40),
    (0.36, 0.46, 0.36),
    (0.48, 0.40, 0.56),
    (0.80, 0.74, 0.62),
    (0.30, 0.40, 0.58),
)
_BAGS = ((0.12, 0.12, 0.15), (0.62, 0.14, 0.16), (0.14, 0.24, 0.50), (0.20, 0.36, 0.22))
_VIVID = ((0.80, 0.25, 0.20), (0.20, 0.45, 0.70), (0.85, 0.70, 0.20), (0.25, 0.55, 0.35), (0.90, 0.90, 0.88))

STEEL = Material("plain", (0.62, 0.63, 0.65), (0.5, 0.5, 0.5), gloss=0.5)
BLACK = Material("plain", (0.10, 0.10, 0.11), (0.1, 0.1, 0.1), gloss=0.25)
WHITE = Material("plain", (0.90, 0.90, 0.88), (0.8, 0.8, 0.8), gloss=0.1)


class Style:
    """Draws materials for one room from ``draw``; furniture of a kind shares its wood."""

    def __init__(self, draw: Draw):
        self.draw = draw
        self.main_wood, self.second_wood = draw.pick(_WOODS), draw.pick(_WOODS)
        self.wall_colour = draw.near(draw.pick(_WALLS), 0.04)
        self.white_doors = draw.chance(0.5)

    def _seed(self) -> int:
        return self.draw.integer(1, 60000)

    def paint(self, colour, texture="plain", second=None, scale=0.1, gloss=0.0, glow=0.0, spread=0.04) -> Material:
        a = self.draw.near(colour, spread)
        b = self.draw.near(second, spread) if second else tuple(c * 0.8 for c in a)
        return Material(texture, a, b, scale, gloss, glow, self._seed())

    def wood(self, second=False) -> Material:
        a, b = self.second_wood if second else self.main_wood
        return self.paint(a, "wood", b, gloss=0.12, spread=0.02)

    def pale_wood(self) -> Material:
        a, b = self.draw.pick(_PALE_WOODS)
        return self.paint(a, "wood", b, gloss=0.12)

    def wall(self) -> list:
        """Materials of four walls: one paint, at times with one accent wall."""
        paint = self.paint(self.wall_colour, spread=0.0)
        walls = [paint] * 4
        kind = self.draw.unit()
        if kind < 0.12:
            pale = tuple(min(0.95, c + 0.07) for c in self.wall_colour)
            walls = [self.paint(self.wall_colour, "stripes", pale, self.draw.uniform(0.08, 0.2), spread=0.01)] * 4
        elif kind < 0.24:
            walls[self.draw.pick((0, 1, 3))] = self.paint((0.66, 0.38, 0.30), "brick", (0.72, 0.69, 0.64), 0.22)
        elif kind < 0.40:
            walls[self.draw.pick((0, 0, 1, 3))] = self.paint(self.draw.pick(_SPREADS))
        return walls

    def floor(self, hard=False) -> Material:
        kind = self.draw.unit() * (0.72 if hard else 1.0)
        if kind < 0.36:
            pale = self.draw.uniform(0.25, 0.75)
            return self.paint(
                (0.62, 0.44, 0.28),
                "planks",
                (0.42, 0.27, 0.16),
                self.draw.uniform(0.08, 0.15),
                gloss=0.3 * pale,
            )
        if kind < 0.60:
            return self.paint((0.68, 0.62, 0.54), "tiles", (0.48, 0.44, 0.40), self.draw.uniform(0.25, 0.45), 0.3)
        if kind < 0.72:
            return self.paint((0.74, 0.72, 0.68), "checker", (0.34, 0.32, 0.32), self.draw.uniform(0.25, 0.4), 0.3)
        tone = self.draw.pick(((0.62, 0.56, 0.48), (0.50, 0.50, 0.52), (0.52, 0.42, 0.38), (0.44, 0.48, 0.54)))
        return self.paint(tone, "carpet", tuple(c * 0.72 for c in tone))

    def sofa(self) -> Material:
        colour = self.draw.pick(_SOFAS)
        return self.paint(colour, "carpet", tuple(c * 0.86 for c in colour))

    def spread(self) -> Material:
        """A bed's cover."""
        colour = self.draw.pick(_SPREADS)
        texture = self.draw.pick(("plain", "stripes", "flowers", "checker", "carpet"))
        second = tuple(min(0.92, c + 0.16) for c in colour)
        return self.paint(colour, texture, second, self.draw.uniform(0.08, 0.2))

    def linen(self) -> Material:
        colour = self.draw.pick(((0.90, 0.89, 0.86), (0.88, 0.84, 0.76), self.draw.pick(_SPREADS)))
        return self.paint(colour, self.draw.pick(("plain", "plain", "stripes")), (0.80, 0.78, 0.80), 0.06)

    def throw(self) -> Material:
        return self.paint(
            self.draw.pick(_VIVID), self.draw.pick(("plain", "stripes", "checker")), (0.85, 0.8, 0.7), 0.07
        )

    def drape(self) -> Material:
        return self.paint(self.draw.pick(_DRAPES))

    def bag(self) -> Material:
        return self.paint(self.draw.pick(_BAGS), gloss=0.15, spread=0.03)

    def vivid(self) -> Material:
        return self.paint(self.draw.pick(_VIVID), gloss=0.25)

    def cabinet(self) -> Material:
        return self.paint((0.86, 0.84, 0.79), gloss=0.15) if self.white_doors else self.wood(True)

    def metal(self) -> Material:
        return self.draw.pick((STEEL, BLACK, STEEL))

    def shade(self) -> Material:
        """A lamp's shade, lit from within."""
        return self.paint((0.97, 0.88, 0.68), glow=self.draw.uniform(0.8, 1.6), spread=0.03)
