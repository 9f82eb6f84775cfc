"""Small objects on the floor, on tables and in shelves.

Functions that return a `Group` use metres: x right, centred; y away from the wall, with the back at y = 0; z up.
"""

from collections.abc import Sequence

from .class_ids import CLASS_ID
from .group import Group
from .portable_random import PortableRandom
from .primitives import Material, scaled
from .rotation import LYING_X, tilt_x, turn_z
from .style import BLACK, WHITE, Style


def fill_shelf(
    group: Group, rng: PortableRandom, style: Style, x0: float, x1: float, y0: float, y1: float, z: float, space: float
) -> None:
    """Fill a shelf board with rows of books, with gaps or a vase between them.

    Args:
        group: The furniture that the books are added to.
        rng: Random numbers.
        style: The materials of the room.
        x0: Left end of the board.
        x1: Right end of the board.
        y0: Back of the board.
        y1: Front of the board.
        z: Height of the board.
        space: Free height above the board.
    """
    x = x0
    while x < x1 - 0.08:
        run = min(rng.uniform(0.12, 0.4), x1 - x)
        if rng.chance(0.82):
            high = space * rng.uniform(0.62, 0.92)
            book = Material(
                "spines", (0.5,) * 3, (0.5,) * 3, rng.uniform(0.022, 0.045), 0.05, 0.0, rng.integer(1, 60000)
            )
            group.block(
                x, x + run, y0 + 0.02, y1 - rng.uniform(0.02, 0.07), z, z + high, CLASS_ID["books"], book, casts=False
            )
        elif space > 0.16 and rng.chance(0.6):
            vase(group, rng, style, x + run / 2, (y0 + y1) / 2, z, min(0.9 * space, 0.22))
        x += run + rng.uniform(0.0, 0.02)


def vase(group: Group, rng: PortableRandom, style: Style, x: float, y: float, z: float, h: float) -> None:
    """Add a vase, a jar or a ball of height `h` that stands at (x, y, z)."""
    label, glaze = CLASS_ID["otherprop"], style.vivid()
    kind = rng.integer(0, 2)
    r = min(h * 0.4, 0.07)
    with group.another_thing():
        if kind == 0:
            group.ellipsoid((x, y, z + h * 0.38), (r, r, h * 0.38), label, glaze, casts=False)
            group.cylinder((x, y, z + h * 0.8), r * 0.45, h * 0.18, label, glaze, taper=0.3, casts=False)
        elif kind == 1:
            group.cylinder((x, y, z + h / 2), r * 0.8, h / 2, label, glaze, taper=rng.uniform(-0.2, 0.3), casts=False)
        else:
            group.ellipsoid((x, y, z + r), (r, r, r), label, glaze, casts=False)


def box(rng: PortableRandom, style: Style) -> Group:
    """A cardboard box, closed or with an open flap."""
    w, depth, h = rng.uniform(0.25, 0.5), rng.uniform(0.25, 0.4), rng.uniform(0.18, 0.4)
    group, label = Group((w, depth, h)), CLASS_ID["box"]
    board = style.paint((0.70, 0.53, 0.35), spread=0.03)
    group.block(-w / 2, w / 2, 0, depth, 0, h, label, board)
    group.block(
        -0.03, 0.03, -0.002, depth + 0.002, h * 0.6, h + 0.002, label, style.paint((0.80, 0.68, 0.48)), casts=False
    )
    if rng.chance(0.35):
        flap = tilt_x(-rng.uniform(20, 60))
        group.box((0, depth + 0.06, h + 0.05), (w / 2, 0.005, 0.09), label, board, flap, casts=False)
    return group


def bag(rng: PortableRandom, style: Style) -> Group:
    """A backpack."""
    group, label, cloth = Group((0.42, 0.28, 0.46)), CLASS_ID["bag"], style.bag()
    w, h = rng.uniform(0.16, 0.22), rng.uniform(0.17, 0.24)
    group.cushion((0, 0.14, h), (w, 0.12, h), label, cloth)
    group.cushion((0, 0.25, h * 0.7), (w * 0.7, 0.06, h * 0.5), label, cloth, casts=False)
    for sx in (-0.5, 0.5):
        group.cylinder((sx * w, 0.14, 2 * h), 0.012, 0.05, label, BLACK, casts=False)
    group.cylinder((0, 0.14, 2 * h + 0.05), 0.012, w * 0.55, label, BLACK, LYING_X, casts=False)
    return group


def plant(rng: PortableRandom, style: Style) -> Group:
    """A plant in a pot."""
    group, label, h = Group((0.5, 0.5, 1.1)), CLASS_ID["otherprop"], rng.uniform(0.5, 1.0)
    pot = style.paint(rng.pick(((0.66, 0.36, 0.24), (0.85, 0.84, 0.8), (0.3, 0.3, 0.32))))
    leaf = style.paint((0.22, 0.46, 0.18), "granite", (0.10, 0.26, 0.08), gloss=0.1)
    group.cylinder((0, 0.25, 0.15), 0.14, 0.15, label, pot, taper=0.2)
    for _ in range(rng.integer(6, 9)):
        x, y, z = rng.uniform(-0.14, 0.14), rng.uniform(-0.14, 0.14), rng.uniform(0.38, h)
        lean = tilt_x(rng.uniform(-50, 50))
        group.ellipsoid(
            (x, 0.25 + y, z), (rng.uniform(0.05, 0.12), 0.03, rng.uniform(0.1, 0.2)), label, leaf, lean, casts=False
        )
    group.cylinder((0, 0.25, 0.2 + h / 3), 0.015, h / 3, label, leaf, casts=False)
    return group


def mat(rng: PortableRandom, style: Style, w: float, depth: float) -> Group:
    """A rug of `w` × `depth` metres."""
    group = Group((w, depth, 0.012))
    colours = ((0.55, 0.18, 0.16), (0.20, 0.28, 0.45), (0.34, 0.26, 0.44), (0.42, 0.16, 0.22))
    pattern = style.paint(
        rng.pick(colours), rng.pick(("rug", "rug", "carpet", "checker")), (0.78, 0.70, 0.52), rng.uniform(0.15, 0.4)
    )
    group.block(-w / 2, w / 2, 0, depth, 0, 0.012, CLASS_ID["floor mat"], pattern, casts=False)
    return group


def clutter(rng: PortableRandom, style: Style, kinds: Sequence[str] = ("books", "paper", "vase", "box")) -> Group:
    """One small object for a table top, of one of the `kinds`."""
    group, kind = Group((0.3, 0.25, 0.3)), rng.pick(kinds)
    if kind == "books":
        for k in range(rng.integer(1, 4)):
            book = style.vivid()
            group.box(
                (0, 0.12, 0.02 + 0.036 * k),
                (0.11, 0.08, 0.018),
                CLASS_ID["books"],
                book,
                turn_z(rng.uniform(-15, 15)),
            )
    elif kind == "paper":
        for _ in range(2):
            group.box(
                (rng.uniform(-0.05, 0.05), 0.13, 0.004),
                (0.105, 0.148, 0.002),
                CLASS_ID["paper"],
                WHITE,
                turn_z(rng.uniform(-30, 30)),
                casts=False,
            )
    elif kind == "vase":
        vase(group, rng, style, 0, 0.12, 0, rng.uniform(0.12, 0.3))
    else:
        group.put(box(rng, style))
        group.parts = [
            part._replace(centre=scaled(part.centre, 0.6), half=scaled(part.half, 0.6)) for part in group.parts
        ]
    return group
