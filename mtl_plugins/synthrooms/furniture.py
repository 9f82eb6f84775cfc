"""Things that stand on the floor. Each function gives a :class:`Group` whose back is at y = 0."""

from .classes import ID
from .draw import Draw
from .primitives import LYING_X, Group, tilt_x, turn_z
from .props import fill_shelf
from .style import BLACK, STEEL, WHITE, Style


def _legs(g, label, material, x, y0, y1, height, radius, round_=True):
    for sx in (-x, x):
        for y in (y0, y1):
            if round_:
                g.cylinder((sx, y, height / 2), radius, height / 2, label, material)
            else:
                g.box((sx, y, height / 2), (radius, radius, height / 2), label, material)


def bed(d: Draw, s: Style) -> Group:
    w, length, h = d.uniform(1.0, 1.9), d.uniform(1.9, 2.15), d.uniform(0.42, 0.56)
    head = d.uniform(0.85, 1.2)
    g, me, wood, cover = Group((w + 0.1, length, head)), ID["bed"], s.wood(), s.spread()
    g.block(-w / 2 - 0.04, w / 2 + 0.04, 0.0, 0.06, 0.0, head, me, wood)
    g.block(-w / 2, w / 2, 0.06, length, 0.08, h - 0.2, me, wood)
    g.block(-w / 2 + 0.01, w / 2 - 0.01, 0.07, length - 0.03, h - 0.2, h, me, WHITE, casts=False)
    fold = d.uniform(0.5, 0.75)
    g.block(-w / 2 - 0.02, w / 2 + 0.02, fold, length, h - 0.26, h + 0.025, me, cover)
    g.cylinder((0, fold, h + 0.02), 0.035, w / 2 + 0.02, me, WHITE, LYING_X, casts=False)
    if d.chance(0.4):
        g.block(-w / 2 - 0.03, w / 2 + 0.03, length - 0.04, length + 0.02, 0, h + d.uniform(0.05, 0.3), me, wood)
    for x in (-w / 4, w / 4) if w > 1.3 else (0.0,):
        g.cushion(
            (x + d.uniform(-0.03, 0.03), 0.28, h + 0.11),
            (0.31, 0.21, 0.10),
            ID["pillow"],
            s.linen(),
            tilt_x(-d.uniform(5, 40)),
        )
    if d.chance(0.5):
        g.cushion(
            (d.uniform(-0.2, 0.2), 0.5, h + 0.13),
            (0.2, 0.18, 0.08),
            ID["pillow"],
            s.throw(),
            tilt_x(-d.uniform(30, 60)),
        )
    if d.chance(0.3):
        cloth = s.vivid()
        for _ in range(3):
            g.cushion(
                (d.uniform(-w / 4, w / 4), length - d.uniform(0.3, 0.6), h + 0.05),
                (d.uniform(0.12, 0.25), d.uniform(0.1, 0.2), 0.05),
                ID["clothes"],
                cloth,
                turn_z(d.uniform(0, 90)),
            )
    return g


def sofa(d: Draw, s: Style) -> Group:
    seats = d.pick((1, 2, 2, 3, 3))
    arm, each, depth, seat = (
        d.uniform(0.14, 0.22),
        d.uniform(0.55, 0.68),
        d.uniform(0.82, 0.98),
        d.uniform(0.40, 0.46),
    )
    back = d.uniform(0.76, 0.92)
    w = seats * each + 2 * arm
    g, me, cloth = Group((w, depth, back)), ID["sofa"], s.sofa()
    g.block(-w / 2, w / 2, 0.02, depth, 0.06, seat - 0.14, me, cloth)
    g.block(-w / 2 + arm / 2, w / 2 - arm / 2, 0.0, 0.22, 0.06, back - 0.08, me, cloth)
    for sx in (-1, 1):
        x = sx * (w / 2 - arm / 2)
        g.block(x - arm / 2, x + arm / 2, 0.04, depth, 0.06, seat + 0.14, me, cloth)
        g.cylinder(
            (x, depth / 2 + 0.02, seat + 0.14),
            arm / 2,
            depth / 2 - 0.02,
            me,
            cloth,
            ((1.0, 0.0, 0.0), (0.0, 0.0, 1.0), (0.0, 1.0, 0.0)),
            casts=False,
        )
    for k in range(seats):
        x = -w / 2 + arm + each * (k + 0.5)
        g.cushion((x, depth / 2 + 0.12, seat - 0.05), (each / 2 - 0.005, depth / 2 - 0.12, 0.11), me, cloth)
        g.cushion((x, 0.26, seat + 0.22), (each / 2 - 0.01, 0.11, 0.24), me, cloth, tilt_x(10))
    for sx in (-1, 1):
        if seats > 1 and d.chance(0.55):
            g.cushion(
                (sx * (w / 2 - arm - 0.22), 0.44, seat + 0.22),
                (0.2, 0.07, 0.19),
                ID["pillow"],
                s.throw(),
                tilt_x(d.uniform(15, 28)),
            )
    return g


def chair(d: Draw, s: Style) -> Group:
    """A plain chair; sits with its back at y = 0 and faces +y."""
    w, seat, back = d.uniform(0.40, 0.48), d.uniform(0.43, 0.48), d.uniform(0.82, 1.0)
    g, me = Group((w, w, back)), ID["chair"]
    wood = d.pick((s.wood(), s.wood(), s.paint((0.16, 0.13, 0.12), gloss=0.2), WHITE))
    pad = (
        s.paint(d.pick(((0.20, 0.18, 0.18), (0.55, 0.2, 0.18), (0.3, 0.22, 0.15))), "carpet") if d.chance(0.5) else wood
    )
    _legs(g, me, wood, w / 2 - 0.025, 0.03, w - 0.03, seat - 0.02, 0.02, d.chance(0.5))
    g.block(-w / 2, w / 2, 0.0, w, seat - 0.035, seat, me, wood)
    if pad is not wood:
        g.cushion((0, w / 2 + 0.01, seat + 0.01), (w / 2 - 0.02, w / 2 - 0.03, 0.035), me, pad, casts=False)
    lean = tilt_x(d.uniform(4, 9))
    for sx in (-1, 1):
        g.box((sx * (w / 2 - 0.02), 0.0, (seat + back) / 2), (0.02, 0.015, (back - seat) / 2), me, wood, lean)
    if d.chance(0.5):
        g.box((0, 0.0, seat + (back - seat) * 0.65), (w / 2, 0.012, (back - seat) * 0.33), me, wood, lean)
    else:
        for k in range(3):
            g.box((0, 0.0, seat + (back - seat) * (0.3 + 0.3 * k)), (w / 2, 0.012, 0.04), me, wood, lean)
    return g


def office_chair(d: Draw, s: Style) -> Group:
    g, me = Group((0.6, 0.6, 1.0)), ID["chair"]
    cloth = s.paint(d.pick(((0.12, 0.12, 0.14), (0.14, 0.16, 0.24), (0.22, 0.2, 0.2))), "carpet", spread=0.02)
    for k in range(3):
        g.box((0, 0.3, 0.06), (0.28, 0.03, 0.025), me, BLACK, turn_z(60.0 * k + 20))
    g.cylinder((0, 0.3, 0.26), 0.03, 0.2, me, STEEL)
    g.cushion((0, 0.32, 0.48), (0.25, 0.25, 0.06), me, cloth)
    g.cushion((0, 0.05, 0.82), (0.23, 0.06, 0.27), me, cloth, tilt_x(d.uniform(5, 14)))
    for sx in (-0.27, 0.27):
        g.block(sx - 0.02, sx + 0.02, 0.12, 0.45, 0.66, 0.69, me, BLACK)
        g.block(sx - 0.015, sx + 0.015, 0.26, 0.32, 0.46, 0.66, me, BLACK, casts=False)
    return g


def table(d: Draw, s: Style, low=False, round_=False) -> Group:
    h = d.uniform(0.38, 0.47) if low else d.uniform(0.71, 0.77)
    w, depth = (d.uniform(0.8, 1.15), d.uniform(0.5, 0.65)) if low else (d.uniform(1.0, 1.6), d.uniform(0.75, 0.95))
    me, top = ID["table"], s.wood()
    if round_:
        r = w * 0.45
        g = Group((2 * r, 2 * r, h))
        g.cylinder((0, r, h - 0.02), r, 0.02, me, top)
        g.cylinder((0, r, h / 2), 0.05, h / 2 - 0.03, me, s.metal())
        g.cylinder((0, r, 0.02), r * 0.5, 0.02, me, top)
        return g
    g = Group((w, depth, h))
    g.block(-w / 2, w / 2, 0, depth, h - 0.035, h, me, top)
    g.block(-w / 2 + 0.05, w / 2 - 0.05, 0.05, depth - 0.05, h - 0.1, h - 0.035, me, top, casts=False)
    _legs(g, me, top, w / 2 - 0.05, 0.05, depth - 0.05, h - 0.035, d.uniform(0.022, 0.04), d.chance(0.4))
    return g


def desk(d: Draw, s: Style) -> Group:
    w, depth, h = d.uniform(1.1, 1.6), d.uniform(0.6, 0.75), d.uniform(0.72, 0.76)
    g, me = Group((w, depth, h)), ID["desk"]
    top = s.pale_wood()
    g.block(-w / 2, w / 2, 0, depth, h - 0.03, h, me, top)
    side = d.pick((-1, 1))
    x = side * (w / 2 - 0.22)
    g.block(x - 0.2, x + 0.2, 0.03, depth - 0.04, 0.03, h - 0.03, me, top)
    for k in range(3):
        z = 0.06 + (h - 0.12) * k / 3
        g.block(
            x - 0.185,
            x + 0.185,
            depth - 0.04,
            depth - 0.025,
            z,
            z + (h - 0.12) / 3 - 0.02,
            me,
            top,
            casts=False,
        )
        g.block(x - 0.05, x + 0.05, depth - 0.025, depth - 0.01, z + 0.1, z + 0.115, me, STEEL, casts=False)
    g.block(-side * (w / 2) - 0.015, -side * (w / 2) + 0.015, 0.02, depth - 0.03, 0, h - 0.03, me, top)
    g.block(-w / 2, w / 2, 0.01, 0.025, 0.3, h - 0.03, me, top, casts=False)
    return g


def bookshelf(d: Draw, s: Style, width=None) -> Group:
    w, depth, h = width or d.uniform(0.75, 1.3), d.uniform(0.26, 0.34), d.uniform(1.5, 2.15)
    g, me, wood = Group((w, depth, h)), ID["bookshelf"], s.wood()
    levels = d.integer(4, 6)
    for x in (-w / 2 + 0.012, w / 2 - 0.012):
        g.block(x - 0.012, x + 0.012, 0, depth, 0, h, me, wood, casts=False)
    g.block(-w / 2, w / 2, 0, 0.01, 0, h, me, wood._replace(a=tuple(c * 0.8 for c in wood.a)))
    gap = (h - 0.08) / levels
    for k in range(levels + 1):
        z = 0.05 + gap * k
        g.block(-w / 2, w / 2, 0, depth, z, z + 0.022, me, wood, casts=k % 2 == 0)
        if k < levels:
            fill_shelf(g, d, s, -w / 2 + 0.03, w / 2 - 0.03, 0.015, depth, z + 0.022, gap - 0.03)
    return g


def chest(d: Draw, s: Style, label: str, w, depth, h, columns, rows, doors=False) -> Group:
    """A carcass with drawers or doors: dresser, night stand, cabinet."""
    g, me = Group((w, depth, h)), ID[label]
    body = s.cabinet() if label == "cabinet" else s.wood(label == "dresser")
    pull = s.metal()
    g.block(-w / 2, w / 2, 0, depth - 0.015, 0.05, h - 0.025, me, body)
    g.block(-w / 2 - 0.012, w / 2 + 0.012, 0, depth + 0.01, h - 0.025, h, me, body)
    g.block(-w / 2 + 0.03, w / 2 - 0.03, 0.03, depth - 0.06, 0, 0.05, me, BLACK, casts=False)
    step_x, step_z = (w - 0.02) / columns, (h - 0.1) / rows
    for i in range(columns):
        for j in range(rows):
            x, z = -w / 2 + 0.01 + step_x * (i + 0.5), 0.06 + step_z * (j + 0.5)
            g.box((x, depth - 0.005, z), (step_x / 2 - 0.008, 0.012, step_z / 2 - 0.008), me, body, casts=False)
            if doors:
                side = 1 if i % 2 == 0 else -1
                g.cylinder((x + side * (step_x / 2 - 0.05), depth + 0.02, z), 0.008, 0.06, me, pull, casts=False)
            else:
                g.ellipsoid((x, depth + 0.015, z), (0.018, 0.018, 0.018), me, pull, casts=False)
    return g


def dresser(d: Draw, s: Style) -> Group:
    return chest(d, s, "dresser", d.uniform(0.9, 1.4), d.uniform(0.45, 0.55), d.uniform(0.75, 1.1), 2, d.pick((3, 4)))


def night_stand(d: Draw, s: Style) -> Group:
    return chest(d, s, "night stand", d.uniform(0.40, 0.52), d.uniform(0.36, 0.44), d.uniform(0.48, 0.62), 1, 2)


def cabinet(d: Draw, s: Style, tall=None) -> Group:
    tall = d.chance(0.5) if tall is None else tall
    w, h = (d.uniform(0.8, 1.5), d.uniform(1.7, 2.15)) if tall else (d.uniform(0.9, 1.6), d.uniform(0.7, 0.95))
    return chest(d, s, "cabinet", w, d.uniform(0.4, 0.58), h, d.pick((2, 2, 3)), 1, doors=True)


def fridge(d: Draw, s: Style) -> Group:
    w, depth, h = d.uniform(0.62, 0.8), d.uniform(0.62, 0.72), d.uniform(1.6, 1.85)
    g, me = Group((w, depth, h)), ID["refridgerator"]
    skin = s.paint(d.pick(((0.88, 0.88, 0.88), (0.60, 0.61, 0.63))), gloss=0.4, spread=0.02)
    split = h * d.uniform(0.6, 0.7)
    g.block(-w / 2, w / 2, 0, depth - 0.06, 0.03, h, me, skin)
    for z0, z1 in ((0.08, split - 0.006), (split + 0.006, h - 0.005)):
        g.block(-w / 2, w / 2, depth - 0.055, depth, z0, z1, me, skin, casts=False)
        middle = z1 - 0.25 if z0 < 0.1 else z0 + 0.18
        g.cylinder((-w / 2 + 0.06, depth + 0.03, middle), 0.012, 0.14, me, STEEL, casts=False)
    if d.chance(0.5):
        x, z = d.uniform(-0.1, 0.2), h * d.uniform(0.75, 0.85)
        g.block(x - 0.08, x + 0.08, depth, depth + 0.004, z - 0.1, z + 0.1, ID["paper"], WHITE, casts=False)
    return g
