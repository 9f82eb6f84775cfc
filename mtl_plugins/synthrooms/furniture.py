"""Furniture that stands on the floor.

Each function returns a `Group` in metres: x right, centred; y away from the wall, with the back at y = 0; z up.
"""

from .class_ids import CLASS_ID
from .group import Group
from .portable_random import PortableRandom
from .primitives import Material, scaled
from .rotation import LYING_X, tilt_x, turn_z
from .small_objects import fill_shelf
from .style import BLACK, STEEL, WHITE, Style


def _add_legs(
    group: Group,
    label: int,
    material: Material,
    x: float,
    y0: float,
    y1: float,
    height: float,
    radius: float,
    round_: bool = True,
) -> None:
    for sx in (-x, x):
        for y in (y0, y1):
            if round_:
                group.cylinder((sx, y, height / 2), radius, height / 2, label, material)
            else:
                group.box((sx, y, height / 2), (radius, radius, height / 2), label, material)


def bed(rng: PortableRandom, style: Style) -> Group:
    """A bed with pillows and, at times, clothes on it."""
    w, length, h = rng.uniform(1.0, 1.9), rng.uniform(1.9, 2.15), rng.uniform(0.42, 0.56)
    head = rng.uniform(0.85, 1.2)
    group, label, wood, cover = Group((w + 0.1, length, head)), CLASS_ID["bed"], style.wood(), style.spread()
    group.block(-w / 2 - 0.04, w / 2 + 0.04, 0.0, 0.06, 0.0, head, label, wood)
    group.block(-w / 2, w / 2, 0.06, length, 0.08, h - 0.2, label, wood)
    group.block(-w / 2 + 0.01, w / 2 - 0.01, 0.07, length - 0.03, h - 0.2, h, label, WHITE, casts=False)
    fold = rng.uniform(0.5, 0.75)
    group.block(-w / 2 - 0.02, w / 2 + 0.02, fold, length, h - 0.26, h + 0.025, label, cover)
    group.cylinder((0, fold, h + 0.02), 0.035, w / 2 + 0.02, label, WHITE, LYING_X, casts=False)
    if rng.chance(0.4):
        group.block(
            -w / 2 - 0.03, w / 2 + 0.03, length - 0.04, length + 0.02, 0, h + rng.uniform(0.05, 0.3), label, wood
        )
    for x in (-w / 4, w / 4) if w > 1.3 else (0.0,):
        with group.another_thing():
            group.cushion(
                (x + rng.uniform(-0.03, 0.03), 0.28, h + 0.11),
                (0.31, 0.21, 0.10),
                CLASS_ID["pillow"],
                style.linen(),
                tilt_x(-rng.uniform(5, 40)),
            )
    if rng.chance(0.5):
        with group.another_thing():
            group.cushion(
                (rng.uniform(-0.2, 0.2), 0.5, h + 0.13),
                (0.2, 0.18, 0.08),
                CLASS_ID["pillow"],
                style.throw(),
                tilt_x(-rng.uniform(30, 60)),
            )
    if rng.chance(0.3):
        cloth = style.vivid()
        for _ in range(3):
            group.cushion(
                (rng.uniform(-w / 4, w / 4), length - rng.uniform(0.3, 0.6), h + 0.05),
                (rng.uniform(0.12, 0.25), rng.uniform(0.1, 0.2), 0.05),
                CLASS_ID["clothes"],
                cloth,
                turn_z(rng.uniform(0, 90)),
            )
    return group


def sofa(rng: PortableRandom, style: Style) -> Group:
    """A sofa of one to three seats."""
    seats = rng.pick((1, 2, 2, 3, 3))
    arm, each, depth, seat = (
        rng.uniform(0.14, 0.22),
        rng.uniform(0.55, 0.68),
        rng.uniform(0.82, 0.98),
        rng.uniform(0.40, 0.46),
    )
    back = rng.uniform(0.76, 0.92)
    w = seats * each + 2 * arm
    group, label, cloth = Group((w, depth, back)), CLASS_ID["sofa"], style.sofa()
    group.block(-w / 2, w / 2, 0.02, depth, 0.06, seat - 0.14, label, cloth)
    group.block(-w / 2 + arm / 2, w / 2 - arm / 2, 0.0, 0.22, 0.06, back - 0.08, label, cloth)
    for sx in (-1, 1):
        x = sx * (w / 2 - arm / 2)
        group.block(x - arm / 2, x + arm / 2, 0.04, depth, 0.06, seat + 0.14, label, cloth)
        group.cylinder(
            (x, depth / 2 + 0.02, seat + 0.14),
            arm / 2,
            depth / 2 - 0.02,
            label,
            cloth,
            ((1.0, 0.0, 0.0), (0.0, 0.0, 1.0), (0.0, 1.0, 0.0)),
            casts=False,
        )
    for k in range(seats):
        x = -w / 2 + arm + each * (k + 0.5)
        group.cushion((x, depth / 2 + 0.12, seat - 0.05), (each / 2 - 0.005, depth / 2 - 0.12, 0.11), label, cloth)
        group.cushion((x, 0.26, seat + 0.22), (each / 2 - 0.01, 0.11, 0.24), label, cloth, tilt_x(10))
    for sx in (-1, 1):
        if seats > 1 and rng.chance(0.55):
            with group.another_thing():
                group.cushion(
                    (sx * (w / 2 - arm - 0.22), 0.44, seat + 0.22),
                    (0.2, 0.07, 0.19),
                    CLASS_ID["pillow"],
                    style.throw(),
                    tilt_x(rng.uniform(15, 28)),
                )
    return group


def chair(rng: PortableRandom, style: Style) -> Group:
    """A plain chair that faces +y."""
    w, seat, back = rng.uniform(0.40, 0.48), rng.uniform(0.43, 0.48), rng.uniform(0.82, 1.0)
    group, label = Group((w, w, back)), CLASS_ID["chair"]
    wood = rng.pick((style.wood(), style.wood(), style.paint((0.16, 0.13, 0.12), gloss=0.2), WHITE))
    pad = (
        style.paint(rng.pick(((0.20, 0.18, 0.18), (0.55, 0.2, 0.18), (0.3, 0.22, 0.15))), "carpet")
        if rng.chance(0.5)
        else wood
    )
    _add_legs(group, label, wood, w / 2 - 0.025, 0.03, w - 0.03, seat - 0.02, 0.02, rng.chance(0.5))
    group.block(-w / 2, w / 2, 0.0, w, seat - 0.035, seat, label, wood)
    if pad is not wood:
        group.cushion((0, w / 2 + 0.01, seat + 0.01), (w / 2 - 0.02, w / 2 - 0.03, 0.035), label, pad, casts=False)
    lean = tilt_x(rng.uniform(4, 9))
    for sx in (-1, 1):
        group.box((sx * (w / 2 - 0.02), 0.0, (seat + back) / 2), (0.02, 0.015, (back - seat) / 2), label, wood, lean)
    if rng.chance(0.5):
        group.box((0, 0.0, seat + (back - seat) * 0.65), (w / 2, 0.012, (back - seat) * 0.33), label, wood, lean)
    else:
        for k in range(3):
            group.box((0, 0.0, seat + (back - seat) * (0.3 + 0.3 * k)), (w / 2, 0.012, 0.04), label, wood, lean)
    return group


def office_chair(rng: PortableRandom, style: Style) -> Group:
    """A swivel chair with armrests."""
    group, label = Group((0.6, 0.6, 1.0)), CLASS_ID["chair"]
    cloth = style.paint(rng.pick(((0.12, 0.12, 0.14), (0.14, 0.16, 0.24), (0.22, 0.2, 0.2))), "carpet", spread=0.02)
    for k in range(3):
        group.box((0, 0.3, 0.06), (0.28, 0.03, 0.025), label, BLACK, turn_z(60.0 * k + 20))
    group.cylinder((0, 0.3, 0.26), 0.03, 0.2, label, STEEL)
    group.cushion((0, 0.32, 0.48), (0.25, 0.25, 0.06), label, cloth)
    group.cushion((0, 0.05, 0.82), (0.23, 0.06, 0.27), label, cloth, tilt_x(rng.uniform(5, 14)))
    for sx in (-0.27, 0.27):
        group.block(sx - 0.02, sx + 0.02, 0.12, 0.45, 0.66, 0.69, label, BLACK)
        group.block(sx - 0.015, sx + 0.015, 0.26, 0.32, 0.46, 0.66, label, BLACK, casts=False)
    return group


def table(rng: PortableRandom, style: Style, low: bool = False, round_: bool = False) -> Group:
    """A table: a dining table or, if `low`, a coffee table; rectangular or round."""
    h = rng.uniform(0.38, 0.47) if low else rng.uniform(0.71, 0.77)
    w, depth = (
        (rng.uniform(0.8, 1.15), rng.uniform(0.5, 0.65)) if low else (rng.uniform(1.0, 1.6), rng.uniform(0.75, 0.95))
    )
    label, top = CLASS_ID["table"], style.wood()
    if round_:
        r = w * 0.45
        group = Group((2 * r, 2 * r, h))
        group.cylinder((0, r, h - 0.02), r, 0.02, label, top)
        group.cylinder((0, r, h / 2), 0.05, h / 2 - 0.03, label, style.metal())
        group.cylinder((0, r, 0.02), r * 0.5, 0.02, label, top)
        return group
    group = Group((w, depth, h))
    group.block(-w / 2, w / 2, 0, depth, h - 0.035, h, label, top)
    group.block(-w / 2 + 0.05, w / 2 - 0.05, 0.05, depth - 0.05, h - 0.1, h - 0.035, label, top, casts=False)
    _add_legs(group, label, top, w / 2 - 0.05, 0.05, depth - 0.05, h - 0.035, rng.uniform(0.022, 0.04), rng.chance(0.4))
    return group


def desk(rng: PortableRandom, style: Style) -> Group:
    """A desk with drawers on one side."""
    w, depth, h = rng.uniform(1.1, 1.6), rng.uniform(0.6, 0.75), rng.uniform(0.72, 0.76)
    group, label = Group((w, depth, h)), CLASS_ID["desk"]
    top = style.pale_wood()
    group.block(-w / 2, w / 2, 0, depth, h - 0.03, h, label, top)
    side = rng.pick((-1, 1))
    x = side * (w / 2 - 0.22)
    group.block(x - 0.2, x + 0.2, 0.03, depth - 0.04, 0.03, h - 0.03, label, top)
    for k in range(3):
        z = 0.06 + (h - 0.12) * k / 3
        group.block(
            x - 0.185,
            x + 0.185,
            depth - 0.04,
            depth - 0.025,
            z,
            z + (h - 0.12) / 3 - 0.02,
            label,
            top,
            casts=False,
        )
        group.block(x - 0.05, x + 0.05, depth - 0.025, depth - 0.01, z + 0.1, z + 0.115, label, STEEL, casts=False)
    group.block(-side * (w / 2) - 0.015, -side * (w / 2) + 0.015, 0.02, depth - 0.03, 0, h - 0.03, label, top)
    group.block(-w / 2, w / 2, 0.01, 0.025, 0.3, h - 0.03, label, top, casts=False)
    return group


def bookshelf(rng: PortableRandom, style: Style, width: float | None = None) -> Group:
    """A bookshelf with books; its width is random by default."""
    w, depth, h = width or rng.uniform(0.75, 1.3), rng.uniform(0.26, 0.34), rng.uniform(1.5, 2.15)
    group, label, wood = Group((w, depth, h)), CLASS_ID["bookshelf"], style.wood()
    levels = rng.integer(4, 6)
    for x in (-w / 2 + 0.012, w / 2 - 0.012):
        group.block(x - 0.012, x + 0.012, 0, depth, 0, h, label, wood, casts=False)
    group.block(-w / 2, w / 2, 0, 0.01, 0, h, label, wood._replace(a=scaled(wood.a, 0.8)))
    gap = (h - 0.08) / levels
    for k in range(levels + 1):
        z = 0.05 + gap * k
        group.block(-w / 2, w / 2, 0, depth, z, z + 0.022, label, wood, casts=k % 2 == 0)
        if k < levels:
            fill_shelf(group, rng, style, -w / 2 + 0.03, w / 2 - 0.03, 0.015, depth, z + 0.022, gap - 0.03)
    return group


def chest(
    rng: PortableRandom,
    style: Style,
    name: str,
    w: float,
    depth: float,
    h: float,
    columns: int,
    rows: int,
    doors: bool = False,
) -> Group:
    """A body with drawers or doors: a dresser, a night stand or a cabinet.

    Args:
        rng: Random numbers.
        style: The materials of the room.
        name: The class name.
        w: Width in metres.
        depth: Depth in metres.
        h: Height in metres.
        columns: Number of columns of drawers or doors.
        rows: Number of rows.
        doors: Whether there are doors instead of drawers.
    """
    group, label = Group((w, depth, h)), CLASS_ID[name]
    body = style.cabinet() if name == "cabinet" else style.wood(name == "dresser")
    pull = style.metal()
    group.block(-w / 2, w / 2, 0, depth - 0.015, 0.05, h - 0.025, label, body)
    group.block(-w / 2 - 0.012, w / 2 + 0.012, 0, depth + 0.01, h - 0.025, h, label, body)
    group.block(-w / 2 + 0.03, w / 2 - 0.03, 0.03, depth - 0.06, 0, 0.05, label, BLACK, casts=False)
    step_x, step_z = (w - 0.02) / columns, (h - 0.1) / rows
    for i in range(columns):
        for j in range(rows):
            x, z = -w / 2 + 0.01 + step_x * (i + 0.5), 0.06 + step_z * (j + 0.5)
            group.box((x, depth - 0.005, z), (step_x / 2 - 0.008, 0.012, step_z / 2 - 0.008), label, body, casts=False)
            if doors:
                side = 1 if i % 2 == 0 else -1
                group.cylinder((x + side * (step_x / 2 - 0.05), depth + 0.02, z), 0.008, 0.06, label, pull, casts=False)
            else:
                group.ellipsoid((x, depth + 0.015, z), (0.018, 0.018, 0.018), label, pull, casts=False)
    return group


def dresser(rng: PortableRandom, style: Style) -> Group:
    """A wide chest of drawers."""
    return chest(
        rng,
        style,
        "dresser",
        rng.uniform(0.9, 1.4),
        rng.uniform(0.45, 0.55),
        rng.uniform(0.75, 1.1),
        2,
        rng.pick((3, 4)),
    )


def night_stand(rng: PortableRandom, style: Style) -> Group:
    """A small chest of drawers for next to a bed."""
    return chest(
        rng, style, "night stand", rng.uniform(0.40, 0.52), rng.uniform(0.36, 0.44), rng.uniform(0.48, 0.62), 1, 2
    )


def cabinet(rng: PortableRandom, style: Style, tall: bool | None = None) -> Group:
    """A cabinet with doors, tall or low; random by default."""
    tall = rng.chance(0.5) if tall is None else tall
    w, h = (rng.uniform(0.8, 1.5), rng.uniform(1.7, 2.15)) if tall else (rng.uniform(0.9, 1.6), rng.uniform(0.7, 0.95))
    return chest(rng, style, "cabinet", w, rng.uniform(0.4, 0.58), h, rng.pick((2, 2, 3)), 1, doors=True)


def fridge(rng: PortableRandom, style: Style) -> Group:
    """A refrigerator with a freezer compartment."""
    w, depth, h = rng.uniform(0.62, 0.8), rng.uniform(0.62, 0.72), rng.uniform(1.6, 1.85)
    group, label = Group((w, depth, h)), CLASS_ID["refridgerator"]
    skin = style.paint(rng.pick(((0.88, 0.88, 0.88), (0.60, 0.61, 0.63))), gloss=0.4, spread=0.02)
    split = h * rng.uniform(0.6, 0.7)
    group.block(-w / 2, w / 2, 0, depth - 0.06, 0.03, h, label, skin)
    for z0, z1 in ((0.08, split - 0.006), (split + 0.006, h - 0.005)):
        group.block(-w / 2, w / 2, depth - 0.055, depth, z0, z1, label, skin, casts=False)
        middle = z1 - 0.25 if z0 < 0.1 else z0 + 0.18
        group.cylinder((-w / 2 + 0.06, depth + 0.03, middle), 0.012, 0.14, label, STEEL, casts=False)
    if rng.chance(0.5):
        x, z = rng.uniform(-0.1, 0.2), h * rng.uniform(0.75, 0.85)
        group.block(x - 0.08, x + 0.08, depth, depth + 0.004, z - 0.1, z + 0.1, CLASS_ID["paper"], WHITE, casts=False)
    return group
