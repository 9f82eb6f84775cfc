"""Things that hang on a wall or a ceiling, and what shines or is switched on. Frames as in ``furniture``."""

from .classes import ID
from .draw import Draw
from .furniture import chest
from .primitives import LYING_X, LYING_Y, Group, Material
from .props import clutter, fill_shelf
from .style import BLACK, STEEL, WHITE, Style


def door(d: Draw, s: Style) -> Group:
    w, h = d.uniform(0.8, 0.95), d.uniform(2.0, 2.1)
    g, me = Group((w + 0.16, 0.08, h + 0.08)), ID["door"]
    leaf = s.paint((0.86, 0.84, 0.80), gloss=0.15) if d.chance(0.4) else s.wood(True)
    for x in (-w / 2 - 0.04, w / 2 + 0.04):
        g.block(x - 0.04, x + 0.04, 0, 0.035, 0, h + 0.08, me, WHITE, casts=False)
    g.block(-w / 2, w / 2, 0, 0.035, h, h + 0.08, me, WHITE, casts=False)
    g.block(-w / 2, w / 2, 0, 0.015, 0, h, me, leaf, casts=False)
    if d.chance(0.7):
        for x in (-w / 4 + 0.01, w / 4 - 0.01):
            for z0, z1 in ((0.18, 0.9), (1.05, h - 0.15)):
                g.block(x - w / 4 + 0.07, x + w / 4 - 0.07, 0.0, 0.028, z0, z1, me, leaf, casts=False)
    side = d.pick((-1, 1))
    g.ellipsoid((side * (w / 2 - 0.08), 0.06, 1.0), (0.03, 0.035, 0.03), me, STEEL, casts=False)
    return g


def window(d: Draw, s: Style, w, h, day: float) -> Group:
    """Panes that glow with the sky (``day`` 0..1) and a white frame; the origin is the middle of the sill."""
    g, me = Group((w + 0.16, 0.1, h + 0.16)), ID["window"]
    sky = Material(
        "outdoors",
        d.near((0.55, 0.72, 0.95)),
        d.near((0.32, 0.40, 0.24)),
        d.uniform(0.1, 0.8),
        0.0,
        0.25 + 2.2 * day,
        d.integer(1, 60000),
    )
    g.block(-w / 2, w / 2, 0, 0.012, 0, h, me, sky, casts=False)
    for x in (-w / 2 - 0.04, w / 2 + 0.04):
        g.block(x - 0.04, x + 0.04, 0, 0.05, -0.06, h + 0.07, me, WHITE, casts=False)
    for z in (-0.03, h + 0.035):
        g.block(-w / 2, w / 2, 0, 0.05, z - 0.035, z + 0.035, me, WHITE, casts=False)
    g.block(-w / 2 - 0.1, w / 2 + 0.1, 0, 0.1, -0.09, -0.06, me, WHITE, casts=False)
    for k in range(1, 1 + d.integer(1, 2)):
        x = -w / 2 + w * k / 2
        if x < w / 2 - 0.1:
            g.block(x - 0.02, x + 0.02, 0, 0.03, 0, h, me, WHITE, casts=False)
    if d.chance(0.6):
        g.block(-w / 2, w / 2, 0, 0.03, h / 2 - 0.018, h / 2 + 0.018, me, WHITE, casts=False)
    return g


def curtains(d: Draw, s: Style, w, bottom, top) -> Group:
    """Two hanging cloths with real folds, and a rod; z from the floor."""
    g, me, cloth = Group((w + 0.9, 0.16, top)), ID["curtain"], s.drape()
    each, fold = d.uniform(0.28, 0.5), d.uniform(0.045, 0.07)
    for sx in (-1, 1):
        x = sx * (w / 2 + 0.33)
        for k in range(int(each / fold) + 1):
            g.cylinder(
                (x - sx * fold * k, 0.08 + 0.012 * (k % 2), (bottom + top) / 2),
                (fold * 0.62, 0.04),
                (top - bottom) / 2,
                me,
                cloth,
                casts=False,
            )
    g.cylinder((0, 0.08, top + 0.01), 0.014, w / 2 + 0.42, me, BLACK, LYING_X, casts=False)
    return g


def blinds(d: Draw, s: Style, w, h) -> Group:
    g, me = Group((w, 0.08, h)), ID["blinds"]
    drop = h * d.uniform(0.45, 1.0)
    slats = s.paint((0.88, 0.86, 0.80), "slats", (0.50, 0.48, 0.44), 0.05, glow=0.12)
    g.block(-w / 2, w / 2, 0.055, 0.075, h - drop, h, me, slats, casts=False)
    g.block(-w / 2, w / 2, 0.05, 0.09, h, h + 0.05, me, WHITE, casts=False)
    return g


def picture(d: Draw, s: Style) -> Group:
    """Centred on its origin, as everything flat on a wall."""
    w, h = d.uniform(0.16, 0.5), d.uniform(0.16, 0.4)
    g, me = Group((2 * w, 0.03, 2 * h)), ID["picture"]
    frame = d.pick((s.wood(), BLACK, WHITE, s.paint((0.7, 0.55, 0.25), gloss=0.4)))
    paint = Material(
        "picture",
        d.near((0.6, 0.7, 0.8), 0.2),
        d.near((0.7, 0.4, 0.3), 0.3),
        0.1,
        0.1,
        0.0,
        d.integer(1, 60000),
    )
    g.block(-w, w, 0, 0.022, -h, h, me, frame, casts=False)
    g.block(-w + 0.025, w - 0.025, 0, 0.026, -h + 0.025, h - 0.025, me, paint, casts=False)
    return g


def mirror(d: Draw, s: Style) -> Group:
    w, h = d.uniform(0.28, 0.5), d.uniform(0.3, 0.5)
    g, me = Group((2 * w, 0.03, 2 * h)), ID["mirror"]
    glass = Material("mirror", (0.9, 0.92, 0.92), (0.9, 0.92, 0.92))
    if d.chance(0.4):
        g.cylinder((0, 0.01, 0), (h + 0.03, w + 0.03), 0.01, me, s.wood(), LYING_Y, casts=False)
        g.cylinder((0, 0.013, 0), (h, w), 0.012, me, glass, LYING_Y, casts=False)
    else:
        g.block(-w, w, 0, 0.025, -h, h, me, s.wood(), casts=False)
        g.block(-w + 0.04, w - 0.04, 0, 0.03, -h + 0.04, h - 0.04, me, glass, casts=False)
    return g


def whiteboard(d: Draw, s: Style) -> Group:
    w, h = d.uniform(0.6, 1.0), d.uniform(0.4, 0.55)
    g, me = Group((2 * w, 0.08, 2 * h)), ID["whiteboard"]
    pen = Material(
        "scribbles",
        (0.95, 0.95, 0.96),
        d.pick(((0.1, 0.2, 0.6), (0.1, 0.1, 0.1), (0.6, 0.1, 0.1))),
        d.uniform(0.08, 0.14),
        0.3,
        0.0,
        d.integer(1, 60000),
    )
    g.block(-w, w, 0, 0.02, -h, h, me, STEEL, casts=False)
    g.block(-w + 0.025, w - 0.025, 0, 0.022, -h + 0.025, h - 0.025, me, pen, casts=False)
    g.block(-w * 0.5, w * 0.5, 0.02, 0.08, -h - 0.01, -h + 0.01, me, STEEL, casts=False)
    return g


def wall_shelves(d: Draw, s: Style) -> Group:
    w, n = d.uniform(0.35, 0.6), d.integer(2, 3)
    g, me, wood = Group((2 * w, 0.24, 0.36 * n)), ID["shelves"], s.pale_wood()
    for k in range(n):
        z = 0.36 * (k - n / 2)
        g.block(-w, w, 0, 0.23, z, z + 0.03, me, wood)
        for x in (-w * 0.7, w * 0.7):
            g.block(x - 0.012, x + 0.012, 0, 0.2, z - 0.09, z, me, wood, casts=False)
        fill_shelf(g, d, s, -w + 0.03, w - 0.03, 0.01, 0.2, z + 0.03, 0.28)
    return g


def television(d: Draw, s: Style, small=False) -> Group:
    w = d.uniform(0.24, 0.3) if small else d.uniform(0.4, 0.62)
    h = w * 0.6
    g, me = Group((2 * w, 0.2, 2 * h + 0.09)), ID["television"]
    lit = d.chance(0.25)
    screen = (
        Material(
            "picture",
            d.near((0.5, 0.6, 0.75), 0.2),
            d.near((0.4, 0.6, 0.5), 0.3),
            0.1,
            0.3,
            0.35,
            d.integer(1, 60000),
        )
        if lit
        else s.paint((0.06, 0.065, 0.08), gloss=0.6, spread=0.01)
    )
    g.block(-w, w, 0.08, 0.12, 0.08, 0.08 + 2 * h, me, BLACK)
    g.block(-w + 0.02, w - 0.02, 0.08, 0.122, 0.105, 0.06 + 2 * h, me, screen, casts=False)
    g.block(-0.03, 0.03, 0.07, 0.1, 0, 0.12, me, BLACK, casts=False)
    g.block(-w * 0.4, w * 0.4, 0.0, 0.2, 0, 0.015, me, BLACK, casts=False)
    return g


def lamp(d: Draw, s: Style, floor=False) -> Group:
    """A lamp with a foot and a shade; centred at y = 0.2 (floor) or 0.14."""
    h = d.uniform(1.4, 1.65) if floor else d.uniform(0.4, 0.55)
    r, y, tall = (0.2, 0.2, 0.14) if floor else (0.13, 0.14, 0.1)
    g, me = Group((2 * r, 2 * r, h)), ID["lamp"]
    foot = d.pick((s.metal(), s.vivid()))
    g.cylinder((0, y, 0.012), r * 0.7, 0.012, me, foot, casts=False)
    g.cylinder((0, y, h / 2 - tall / 2), 0.012 if floor else 0.02, h / 2 - tall / 2, me, foot, casts=False)
    if not floor:
        g.ellipsoid((0, y, 0.1), (0.065, 0.065, 0.09), me, foot, casts=False)
    g.cylinder((0, y, h - tall), r * 0.8, tall, me, s.shade(), taper=-0.28, casts=False)
    g.lights.append((0.0, y, h - tall * 0.5, 0.5 if floor else 0.28))
    return g


def ceiling_lamp(d: Draw, s: Style) -> Group:
    """Hangs from its origin."""
    g, me, r = Group((0.5, 0.5, 0.2)), ID["lamp"], d.uniform(0.16, 0.26)
    glass = s.paint((0.97, 0.95, 0.88), glow=1.6, spread=0.02)
    if d.chance(0.5):
        g.ellipsoid((0, 0, 0), (r, r, 0.11), me, glass, casts=False)
    else:
        drop = d.uniform(0.25, 0.45)
        g.cylinder((0, 0, -drop / 2), 0.01, drop / 2, me, BLACK, casts=False)
        g.cylinder((0, 0, -drop), r, 0.09, me, glass, taper=-0.35, casts=False)
    return g


def radiator(d: Draw, s: Style) -> Group:
    w, h = d.uniform(0.6, 1.1), d.uniform(0.5, 0.62)
    g, me = Group((w, 0.14, h + 0.1)), ID["otherstructure"]
    for k in range(int(w / 0.09)):
        g.cylinder((-w / 2 + 0.045 + 0.09 * k, 0.08, 0.1 + h / 2), (0.035, 0.05), h / 2, me, WHITE, casts=False)
    g.block(-w / 2, w / 2, 0.05, 0.11, 0.12, 0.16, me, WHITE)
    return g


def kitchen(d: Draw, s: Style, w) -> Group:
    """Base cabinets under a counter with a sink, and wall cabinets above."""
    depth, h = 0.6, d.uniform(0.86, 0.92)
    g, n = Group((w, depth + 0.03, 2.2)), max(2, int(w / 0.5))
    g.put(chest(d, s, "cabinet", w, depth, h - 0.04, n, 1, doors=True))
    top = s.paint(
        d.pick(((0.34, 0.32, 0.32), (0.55, 0.5, 0.45), (0.22, 0.24, 0.24))),
        "granite",
        (0.62, 0.58, 0.54),
        gloss=0.4,
    )
    g.block(-w / 2 - 0.01, w / 2 + 0.01, 0, depth + 0.03, h - 0.04, h, ID["counter"], top)
    g.block(-w / 2, w / 2, 0, 0.02, h, h + 0.1, ID["counter"], top, casts=False)
    x = d.uniform(-w / 4, w / 4)
    g.block(x - 0.25, x + 0.25, 0.12, 0.5, h, h + 0.008, ID["sink"], STEEL, casts=False)
    g.block(
        x - 0.22,
        x + 0.22,
        0.15,
        0.47,
        h,
        h + 0.009,
        ID["sink"],
        STEEL._replace(a=(0.36, 0.37, 0.39)),
        casts=False,
    )
    g.cylinder((x, 0.09, h + 0.12), 0.014, 0.12, ID["sink"], STEEL, casts=False)
    g.cylinder((x, 0.18, h + 0.24), 0.012, 0.09, ID["sink"], STEEL, LYING_Y, casts=False)
    for side in (-1, 1):
        if d.chance(0.7):
            g.put(clutter(d, s, ("vase", "box", "vase", "paper")), side * (w / 2 - 0.3), 0.1, h)
    if d.chance(0.75):
        upper = chest(d, s, "cabinet", w, 0.34, d.uniform(0.6, 0.75), n, 1, doors=True)
        g.put(upper, 0, 0, 1.42)
    return g
