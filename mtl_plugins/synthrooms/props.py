"""Small things: on the floor, on tables, in shelves. Frames as in ``furniture``."""

from .classes import ID
from .draw import Draw
from .primitives import LYING_X, Group, Material, tilt_x, turn_z
from .style import BLACK, WHITE, Style


def fill_shelf(g: Group, d: Draw, s: Style, x0, x1, y0, y1, z, room):
    """Runs of books, with a gap or a thing between."""
    x = x0
    while x < x1 - 0.08:
        run = min(d.uniform(0.12, 0.4), x1 - x)
        if d.chance(0.82):
            high = room * d.uniform(0.62, 0.92)
            book = Material("spines", (0.5,) * 3, (0.5,) * 3, d.uniform(0.022, 0.045), 0.05, 0.0, d.integer(1, 60000))
            g.block(x, x + run, y0 + 0.02, y1 - d.uniform(0.02, 0.07), z, z + high, ID["books"], book, casts=False)
        elif room > 0.16 and d.chance(0.6):
            vase(g, d, s, x + run / 2, (y0 + y1) / 2, z, min(0.9 * room, 0.22))
        x += run + d.uniform(0.0, 0.02)


def vase(g: Group, d: Draw, s: Style, x, y, z, h):
    """A vase, a jar or a ball."""
    me, glaze = ID["otherprop"], s.vivid()
    kind = d.integer(0, 2)
    r = min(h * 0.4, 0.07)
    if kind == 0:
        g.ellipsoid((x, y, z + h * 0.38), (r, r, h * 0.38), me, glaze, casts=False)
        g.cylinder((x, y, z + h * 0.8), r * 0.45, h * 0.18, me, glaze, taper=0.3, casts=False)
    elif kind == 1:
        g.cylinder((x, y, z + h / 2), r * 0.8, h / 2, me, glaze, taper=d.uniform(-0.2, 0.3), casts=False)
    else:
        g.ellipsoid((x, y, z + r), (r, r, r), me, glaze, casts=False)


def box(d: Draw, s: Style) -> Group:
    w, depth, h = d.uniform(0.25, 0.5), d.uniform(0.25, 0.4), d.uniform(0.18, 0.4)
    g, me = Group((w, depth, h)), ID["box"]
    board = s.paint((0.70, 0.53, 0.35), spread=0.03)
    g.block(-w / 2, w / 2, 0, depth, 0, h, me, board)
    g.block(-0.03, 0.03, -0.002, depth + 0.002, h * 0.6, h + 0.002, me, s.paint((0.80, 0.68, 0.48)), casts=False)
    if d.chance(0.35):
        flap = tilt_x(-d.uniform(20, 60))
        g.box((0, depth + 0.06, h + 0.05), (w / 2, 0.005, 0.09), me, board, flap, casts=False)
    return g


def bag(d: Draw, s: Style) -> Group:
    """A rucksack or a holdall."""
    g, me, cloth = Group((0.42, 0.28, 0.46)), ID["bag"], s.bag()
    w, h = d.uniform(0.16, 0.22), d.uniform(0.17, 0.24)
    g.cushion((0, 0.14, h), (w, 0.12, h), me, cloth)
    g.cushion((0, 0.25, h * 0.7), (w * 0.7, 0.06, h * 0.5), me, cloth, casts=False)
    for sx in (-0.5, 0.5):
        g.cylinder((sx * w, 0.14, 2 * h), 0.012, 0.05, me, BLACK, casts=False)
    g.cylinder((0, 0.14, 2 * h + 0.05), 0.012, w * 0.55, me, BLACK, LYING_X, casts=False)
    return g


def plant(d: Draw, s: Style) -> Group:
    g, me, h = Group((0.5, 0.5, 1.1)), ID["otherprop"], d.uniform(0.5, 1.0)
    pot = s.paint(d.pick(((0.66, 0.36, 0.24), (0.85, 0.84, 0.8), (0.3, 0.3, 0.32))))
    leaf = s.paint((0.22, 0.46, 0.18), "granite", (0.10, 0.26, 0.08), gloss=0.1)
    g.cylinder((0, 0.25, 0.15), 0.14, 0.15, me, pot, taper=0.2)
    for _ in range(d.integer(6, 9)):
        x, y, z = d.uniform(-0.14, 0.14), d.uniform(-0.14, 0.14), d.uniform(0.38, h)
        lean = tilt_x(d.uniform(-50, 50))
        g.ellipsoid((x, 0.25 + y, z), (d.uniform(0.05, 0.12), 0.03, d.uniform(0.1, 0.2)), me, leaf, lean, casts=False)
    g.cylinder((0, 0.25, 0.2 + h / 3), 0.015, h / 3, me, leaf, casts=False)
    return g


def mat(d: Draw, s: Style, w, depth) -> Group:
    g = Group((w, depth, 0.012))
    colours = ((0.55, 0.18, 0.16), (0.20, 0.28, 0.45), (0.34, 0.26, 0.44), (0.42, 0.16, 0.22))
    pattern = s.paint(
        d.pick(colours), d.pick(("rug", "rug", "carpet", "checker")), (0.78, 0.70, 0.52), d.uniform(0.15, 0.4)
    )
    g.block(-w / 2, w / 2, 0, depth, 0, 0.012, ID["floor mat"], pattern, casts=False)
    return g


def clutter(d: Draw, s: Style, kinds=("books", "paper", "vase", "box")) -> Group:
    """One small thing for a table top."""
    g, kind = Group((0.3, 0.25, 0.3)), d.pick(kinds)
    if kind == "books":
        for k in range(d.integer(1, 4)):
            book = s.vivid()
            g.box(
                (0, 0.12, 0.02 + 0.036 * k),
                (0.11, 0.08, 0.018),
                ID["books"],
                book,
                turn_z(d.uniform(-15, 15)),
            )
    elif kind == "paper":
        for _ in range(2):
            g.box(
                (d.uniform(-0.05, 0.05), 0.13, 0.004),
                (0.105, 0.148, 0.002),
                ID["paper"],
                WHITE,
                turn_z(d.uniform(-30, 30)),
                casts=False,
            )
    elif kind == "vase":
        vase(g, d, s, 0, 0.12, 0, d.uniform(0.12, 0.3))
    else:
        g.put(box(d, s))
        g.parts = [
            p._replace(centre=tuple(c * 0.6 for c in p.centre), half=tuple(h * 0.6 for h in p.half)) for p in g.parts
        ]
    return g
