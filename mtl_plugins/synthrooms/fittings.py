"""What is fixed to a wall or a ceiling, and lamps and screens.

Each function returns a `Group` in metres: x right, centred; y away from the wall, with the back at y = 0; z up.
"""

from .class_ids import CLASS_ID
from .furniture import chest
from .group import Group
from .portable_random import PortableRandom
from .primitives import Material
from .rotation import LYING_X, LYING_Y
from .small_objects import clutter, fill_shelf
from .style import BLACK, STEEL, WHITE, Style


def door(rng: PortableRandom, style: Style) -> Group:
    """A door with its frame."""
    w, h = rng.uniform(0.8, 0.95), rng.uniform(2.0, 2.1)
    group, label = Group((w + 0.16, 0.08, h + 0.08)), CLASS_ID["door"]
    leaf = style.paint((0.86, 0.84, 0.80), gloss=0.15) if rng.chance(0.4) else style.wood(True)
    for x in (-w / 2 - 0.04, w / 2 + 0.04):
        group.block(x - 0.04, x + 0.04, 0, 0.035, 0, h + 0.08, label, WHITE, casts=False)
    group.block(-w / 2, w / 2, 0, 0.035, h, h + 0.08, label, WHITE, casts=False)
    group.block(-w / 2, w / 2, 0, 0.015, 0, h, label, leaf, casts=False)
    if rng.chance(0.7):
        for x in (-w / 4 + 0.01, w / 4 - 0.01):
            for z0, z1 in ((0.18, 0.9), (1.05, h - 0.15)):
                group.block(x - w / 4 + 0.07, x + w / 4 - 0.07, 0.0, 0.028, z0, z1, label, leaf, casts=False)
    side = rng.pick((-1, 1))
    group.ellipsoid((side * (w / 2 - 0.08), 0.06, 1.0), (0.03, 0.035, 0.03), label, STEEL, casts=False)
    return group


def window(rng: PortableRandom, style: Style, w: float, h: float, daylight: float) -> Group:
    """A window with a white frame and panes that glow with the sky; the origin is the middle of the sill.

    Args:
        rng: Random numbers.
        style: The materials of the room.
        w: Width of the panes in metres.
        h: Height of the panes in metres.
        daylight: Brightness of the sky, 0 to 1.
    """
    group, label = Group((w + 0.16, 0.1, h + 0.16)), CLASS_ID["window"]
    sky = Material(
        "outdoors",
        rng.near((0.55, 0.72, 0.95)),
        rng.near((0.32, 0.40, 0.24)),
        rng.uniform(0.1, 0.8),
        0.0,
        0.25 + 2.2 * daylight,
        rng.integer(1, 60000),
    )
    group.block(-w / 2, w / 2, 0, 0.012, 0, h, label, sky, casts=False)
    for x in (-w / 2 - 0.04, w / 2 + 0.04):
        group.block(x - 0.04, x + 0.04, 0, 0.05, -0.06, h + 0.07, label, WHITE, casts=False)
    for z in (-0.03, h + 0.035):
        group.block(-w / 2, w / 2, 0, 0.05, z - 0.035, z + 0.035, label, WHITE, casts=False)
    group.block(-w / 2 - 0.1, w / 2 + 0.1, 0, 0.1, -0.09, -0.06, label, WHITE, casts=False)
    for k in range(1, 1 + rng.integer(1, 2)):
        x = -w / 2 + w * k / 2
        if x < w / 2 - 0.1:
            group.block(x - 0.02, x + 0.02, 0, 0.03, 0, h, label, WHITE, casts=False)
    if rng.chance(0.6):
        group.block(-w / 2, w / 2, 0, 0.03, h / 2 - 0.018, h / 2 + 0.018, label, WHITE, casts=False)
    return group


def curtains(rng: PortableRandom, style: Style, w: float, bottom: float, top: float) -> Group:
    """Two curtains with folds, and a rod.

    Args:
        rng: Random numbers.
        style: The materials of the room.
        w: Width of the window in metres.
        bottom: Height of the lower edge above the floor.
        top: Height of the upper edge above the floor.
    """
    group, label, cloth = Group((w + 0.9, 0.16, top)), CLASS_ID["curtain"], style.drape()
    each, fold = rng.uniform(0.28, 0.5), rng.uniform(0.045, 0.07)
    for sx in (-1, 1):
        x = sx * (w / 2 + 0.33)
        for k in range(int(each / fold) + 1):
            group.cylinder(
                (x - sx * fold * k, 0.08 + 0.012 * (k % 2), (bottom + top) / 2),
                (fold * 0.62, 0.04),
                (top - bottom) / 2,
                label,
                cloth,
                casts=False,
            )
    group.cylinder((0, 0.08, top + 0.01), 0.014, w / 2 + 0.42, label, BLACK, LYING_X, casts=False)
    return group


def blinds(rng: PortableRandom, style: Style, w: float, h: float) -> Group:
    """Blinds that cover the upper part of a window of `w` × `h` metres."""
    group, label = Group((w, 0.08, h)), CLASS_ID["blinds"]
    drop = h * rng.uniform(0.45, 1.0)
    slats = style.paint((0.88, 0.86, 0.80), "slats", (0.50, 0.48, 0.44), 0.05, glow=0.12)
    group.block(-w / 2, w / 2, 0.055, 0.075, h - drop, h, label, slats, casts=False)
    group.block(-w / 2, w / 2, 0.05, 0.09, h, h + 0.05, label, WHITE, casts=False)
    return group


def picture(rng: PortableRandom, style: Style) -> Group:
    """A framed picture; the origin is its centre."""
    w, h = rng.uniform(0.16, 0.5), rng.uniform(0.16, 0.4)
    group, label = Group((2 * w, 0.03, 2 * h)), CLASS_ID["picture"]
    frame = rng.pick((style.wood(), BLACK, WHITE, style.paint((0.7, 0.55, 0.25), gloss=0.4)))
    paint = Material(
        "picture",
        rng.near((0.6, 0.7, 0.8), 0.2),
        rng.near((0.7, 0.4, 0.3), 0.3),
        0.1,
        0.1,
        0.0,
        rng.integer(1, 60000),
    )
    group.block(-w, w, 0, 0.022, -h, h, label, frame, casts=False)
    group.block(-w + 0.025, w - 0.025, 0, 0.026, -h + 0.025, h - 0.025, label, paint, casts=False)
    return group


def mirror(rng: PortableRandom, style: Style) -> Group:
    """A rectangular or oval mirror; the origin is its centre."""
    w, h = rng.uniform(0.28, 0.5), rng.uniform(0.3, 0.5)
    group, label = Group((2 * w, 0.03, 2 * h)), CLASS_ID["mirror"]
    glass = Material("mirror", (0.9, 0.92, 0.92), (0.9, 0.92, 0.92))
    if rng.chance(0.4):
        group.cylinder((0, 0.01, 0), (h + 0.03, w + 0.03), 0.01, label, style.wood(), LYING_Y, casts=False)
        group.cylinder((0, 0.013, 0), (h, w), 0.012, label, glass, LYING_Y, casts=False)
    else:
        group.block(-w, w, 0, 0.025, -h, h, label, style.wood(), casts=False)
        group.block(-w + 0.04, w - 0.04, 0, 0.03, -h + 0.04, h - 0.04, label, glass, casts=False)
    return group


def whiteboard(rng: PortableRandom, style: Style) -> Group:
    """A whiteboard with writing; the origin is its centre."""
    w, h = rng.uniform(0.6, 1.0), rng.uniform(0.4, 0.55)
    group, label = Group((2 * w, 0.08, 2 * h)), CLASS_ID["whiteboard"]
    pen = Material(
        "scribbles",
        (0.95, 0.95, 0.96),
        rng.pick(((0.1, 0.2, 0.6), (0.1, 0.1, 0.1), (0.6, 0.1, 0.1))),
        rng.uniform(0.08, 0.14),
        0.3,
        0.0,
        rng.integer(1, 60000),
    )
    group.block(-w, w, 0, 0.02, -h, h, label, STEEL, casts=False)
    group.block(-w + 0.025, w - 0.025, 0, 0.022, -h + 0.025, h - 0.025, label, pen, casts=False)
    group.block(-w * 0.5, w * 0.5, 0.02, 0.08, -h - 0.01, -h + 0.01, label, STEEL, casts=False)
    return group


def wall_shelves(rng: PortableRandom, style: Style) -> Group:
    """Two or three shelves with books; the origin is their centre."""
    w, n = rng.uniform(0.35, 0.6), rng.integer(2, 3)
    group, label, wood = Group((2 * w, 0.24, 0.36 * n)), CLASS_ID["shelves"], style.pale_wood()
    for k in range(n):
        z = 0.36 * (k - n / 2)
        group.block(-w, w, 0, 0.23, z, z + 0.03, label, wood)
        for x in (-w * 0.7, w * 0.7):
            group.block(x - 0.012, x + 0.012, 0, 0.2, z - 0.09, z, label, wood, casts=False)
        fill_shelf(group, rng, style, -w + 0.03, w - 0.03, 0.01, 0.2, z + 0.03, 0.28)
    return group


def television(rng: PortableRandom, style: Style, small: bool = False) -> Group:
    """A television or, if `small`, a computer screen."""
    w = rng.uniform(0.24, 0.3) if small else rng.uniform(0.4, 0.62)
    h = w * 0.6
    group, label = Group((2 * w, 0.2, 2 * h + 0.09)), CLASS_ID["television"]
    lit = rng.chance(0.25)
    screen = (
        Material(
            "picture",
            rng.near((0.5, 0.6, 0.75), 0.2),
            rng.near((0.4, 0.6, 0.5), 0.3),
            0.1,
            0.3,
            0.35,
            rng.integer(1, 60000),
        )
        if lit
        else style.paint((0.06, 0.065, 0.08), gloss=0.6, spread=0.01)
    )
    group.block(-w, w, 0.08, 0.12, 0.08, 0.08 + 2 * h, label, BLACK)
    group.block(-w + 0.02, w - 0.02, 0.08, 0.122, 0.105, 0.06 + 2 * h, label, screen, casts=False)
    group.block(-0.03, 0.03, 0.07, 0.1, 0, 0.12, label, BLACK, casts=False)
    group.block(-w * 0.4, w * 0.4, 0.0, 0.2, 0, 0.015, label, BLACK, casts=False)
    return group


def lamp(rng: PortableRandom, style: Style, floor: bool = False) -> Group:
    """A table lamp or floor lamp with a foot and a shade, centred at y = 0.14 or 0.2."""
    h = rng.uniform(1.4, 1.65) if floor else rng.uniform(0.4, 0.55)
    r, y, tall = (0.2, 0.2, 0.14) if floor else (0.13, 0.14, 0.1)
    group, label = Group((2 * r, 2 * r, h)), CLASS_ID["lamp"]
    foot = rng.pick((style.metal(), style.vivid()))
    group.cylinder((0, y, 0.012), r * 0.7, 0.012, label, foot, casts=False)
    group.cylinder((0, y, h / 2 - tall / 2), 0.012 if floor else 0.02, h / 2 - tall / 2, label, foot, casts=False)
    if not floor:
        group.ellipsoid((0, y, 0.1), (0.065, 0.065, 0.09), label, foot, casts=False)
    group.cylinder((0, y, h - tall), r * 0.8, tall, label, style.shade(), taper=-0.28, casts=False)
    group.lights.append((0.0, y, h - tall * 0.5, 0.5 if floor else 0.28))
    return group


def ceiling_lamp(rng: PortableRandom, style: Style) -> Group:
    """A ceiling lamp that hangs from its origin."""
    group, label, r = Group((0.5, 0.5, 0.2)), CLASS_ID["lamp"], rng.uniform(0.16, 0.26)
    glass = style.paint((0.97, 0.95, 0.88), glow=1.6, spread=0.02)
    if rng.chance(0.5):
        group.ellipsoid((0, 0, 0), (r, r, 0.11), label, glass, casts=False)
    else:
        drop = rng.uniform(0.25, 0.45)
        group.cylinder((0, 0, -drop / 2), 0.01, drop / 2, label, BLACK, casts=False)
        group.cylinder((0, 0, -drop), r, 0.09, label, glass, taper=-0.35, casts=False)
    return group


def radiator(rng: PortableRandom, style: Style) -> Group:
    """A radiator that stands on the floor."""
    w, h = rng.uniform(0.6, 1.1), rng.uniform(0.5, 0.62)
    group, label = Group((w, 0.14, h + 0.1)), CLASS_ID["otherstructure"]
    for k in range(int(w / 0.09)):
        group.cylinder((-w / 2 + 0.045 + 0.09 * k, 0.08, 0.1 + h / 2), (0.035, 0.05), h / 2, label, WHITE, casts=False)
    group.block(-w / 2, w / 2, 0.05, 0.11, 0.12, 0.16, label, WHITE)
    return group


def kitchen(rng: PortableRandom, style: Style, w: float) -> Group:
    """Base cabinets `w` metres wide under a counter with a sink and, at times, wall cabinets above."""
    depth, h = 0.6, rng.uniform(0.86, 0.92)
    group, n = Group((w, depth + 0.03, 2.2)), max(2, int(w / 0.5))
    group.put(chest(rng, style, "cabinet", w, depth, h - 0.04, n, 1, doors=True))
    top = style.paint(
        rng.pick(((0.34, 0.32, 0.32), (0.55, 0.5, 0.45), (0.22, 0.24, 0.24))),
        "granite",
        (0.62, 0.58, 0.54),
        gloss=0.4,
    )
    group.block(-w / 2 - 0.01, w / 2 + 0.01, 0, depth + 0.03, h - 0.04, h, CLASS_ID["counter"], top)
    group.block(-w / 2, w / 2, 0, 0.02, h, h + 0.1, CLASS_ID["counter"], top, casts=False)
    x = rng.uniform(-w / 4, w / 4)
    group.block(x - 0.25, x + 0.25, 0.12, 0.5, h, h + 0.008, CLASS_ID["sink"], STEEL, casts=False)
    group.block(
        x - 0.22,
        x + 0.22,
        0.15,
        0.47,
        h,
        h + 0.009,
        CLASS_ID["sink"],
        STEEL._replace(a=(0.36, 0.37, 0.39)),
        casts=False,
    )
    group.cylinder((x, 0.09, h + 0.12), 0.014, 0.12, CLASS_ID["sink"], STEEL, casts=False)
    group.cylinder((x, 0.18, h + 0.24), 0.012, 0.09, CLASS_ID["sink"], STEEL, LYING_Y, casts=False)
    for side in (-1, 1):
        if rng.chance(0.7):
            group.put(clutter(rng, style, ("vase", "box", "vase", "paper")), side * (w / 2 - 0.3), 0.1, h)
    if rng.chance(0.75):
        upper = chest(rng, style, "cabinet", w, 0.34, rng.uniform(0.6, 0.75), n, 1, doors=True)
        group.put(upper, 0, 0, 1.42)
    return group
