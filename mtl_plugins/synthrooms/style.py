"""The materials of a room: a few woods, fabrics and paints that match."""

from .portable_random import PortableRandom
from .primitives import Material, Vector, scaled

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
    """Draws the materials of one room; furniture of a kind shares its wood.

    Args:
        rng: Random numbers.
    """

    def __init__(self, rng: PortableRandom) -> None:
        self.rng = rng
        self.main_wood, self.second_wood = rng.pick(_WOODS), rng.pick(_WOODS)
        self.wall_colour = rng.near(rng.pick(_WALLS), 0.04)
        self.white_doors = rng.chance(0.5)

    def _seed(self) -> int:
        return self.rng.integer(1, 60000)

    def paint(
        self,
        colour: Vector,
        texture: str = "plain",
        second: Vector | None = None,
        scale: float = 0.1,
        gloss: float = 0.0,
        glow: float = 0.0,
        spread: float = 0.04,
    ) -> Material:
        """A material whose colours vary around the given ones; see `Material`.

        Args:
            colour: First colour; display values (r, g, b) from 0 to 1.
            texture: Name of the pattern.
            second: Second colour; a darker first one by default.
            scale: Size of the pattern in metres.
            gloss: Strength of the highlights.
            glow: Light that the surface emits itself.
            spread: How much the colours vary.
        """
        a = self.rng.near(colour, spread)
        b = self.rng.near(second, spread) if second else scaled(a, 0.8)
        return Material(texture, a, b, scale, gloss, glow, self._seed())

    def wood(self, second: bool = False) -> Material:
        """One of the room's two kinds of wood."""
        a, b = self.second_wood if second else self.main_wood
        return self.paint(a, "wood", b, gloss=0.12, spread=0.02)

    def pale_wood(self) -> Material:
        """A bright wood."""
        a, b = self.rng.pick(_PALE_WOODS)
        return self.paint(a, "wood", b, gloss=0.12)

    def wall(self) -> list[Material]:
        """Materials of the four walls: one paint, and at times one wall in another material."""
        paint = self.paint(self.wall_colour, spread=0.0)
        walls = [paint] * 4
        kind = self.rng.unit()
        if kind < 0.12:
            pale = _brighter(self.wall_colour, 0.07, 0.95)
            walls = [self.paint(self.wall_colour, "stripes", pale, self.rng.uniform(0.08, 0.2), spread=0.01)] * 4
        elif kind < 0.24:
            walls[self.rng.pick((0, 1, 3))] = self.paint((0.66, 0.38, 0.30), "brick", (0.72, 0.69, 0.64), 0.22)
        elif kind < 0.40:
            walls[self.rng.pick((0, 0, 1, 3))] = self.paint(self.rng.pick(_SPREADS))
        return walls

    def floor(self, hard: bool = False) -> Material:
        """Planks, tiles or, unless the floor must be `hard`, carpet."""
        kind = self.rng.unit() * (0.72 if hard else 1.0)
        if kind < 0.36:
            pale = self.rng.uniform(0.25, 0.75)
            return self.paint(
                (0.62, 0.44, 0.28),
                "planks",
                (0.42, 0.27, 0.16),
                self.rng.uniform(0.08, 0.15),
                gloss=0.3 * pale,
            )
        if kind < 0.60:
            return self.paint((0.68, 0.62, 0.54), "tiles", (0.48, 0.44, 0.40), self.rng.uniform(0.25, 0.45), 0.3)
        if kind < 0.72:
            return self.paint((0.74, 0.72, 0.68), "checker", (0.34, 0.32, 0.32), self.rng.uniform(0.25, 0.4), 0.3)
        tone = self.rng.pick(((0.62, 0.56, 0.48), (0.50, 0.50, 0.52), (0.52, 0.42, 0.38), (0.44, 0.48, 0.54)))
        return self.paint(tone, "carpet", scaled(tone, 0.72))

    def sofa(self) -> Material:
        """Fabric of a sofa."""
        colour = self.rng.pick(_SOFAS)
        return self.paint(colour, "carpet", scaled(colour, 0.86))

    def spread(self) -> Material:
        """Cover of a bed."""
        colour = self.rng.pick(_SPREADS)
        texture = self.rng.pick(("plain", "stripes", "flowers", "checker", "carpet"))
        second = _brighter(colour, 0.16, 0.92)
        return self.paint(colour, texture, second, self.rng.uniform(0.08, 0.2))

    def linen(self) -> Material:
        """Fabric of a pillow."""
        colour = self.rng.pick(((0.90, 0.89, 0.86), (0.88, 0.84, 0.76), self.rng.pick(_SPREADS)))
        return self.paint(colour, self.rng.pick(("plain", "plain", "stripes")), (0.80, 0.78, 0.80), 0.06)

    def throw(self) -> Material:
        """Colourful fabric of a small cushion."""
        return self.paint(self.rng.pick(_VIVID), self.rng.pick(("plain", "stripes", "checker")), (0.85, 0.8, 0.7), 0.07)

    def drape(self) -> Material:
        """Fabric of curtains."""
        return self.paint(self.rng.pick(_DRAPES))

    def bag(self) -> Material:
        """Fabric of a bag."""
        return self.paint(self.rng.pick(_BAGS), gloss=0.15, spread=0.03)

    def vivid(self) -> Material:
        """Glossy paint in a vivid colour."""
        return self.paint(self.rng.pick(_VIVID), gloss=0.25)

    def cabinet(self) -> Material:
        """White paint or wood, the same for all cabinets of the room."""
        return self.paint((0.86, 0.84, 0.79), gloss=0.15) if self.white_doors else self.wood(True)

    def metal(self) -> Material:
        """Steel or black metal."""
        return self.rng.pick((STEEL, BLACK, STEEL))

    def shade(self) -> Material:
        """A lampshade, lit from inside."""
        return self.paint((0.97, 0.88, 0.68), glow=self.rng.uniform(0.8, 1.6), spread=0.03)


def _brighter(colour: Vector, amount: float, limit: float) -> Vector:
    r, g, b = colour
    return min(limit, r + amount), min(limit, g + amount), min(limit, b + amount)
