"""What goes into each kind of room, most telling things first. A thing without a place is left out."""

from . import fittings as fit
from . import furniture as fur
from . import props

SIDES = (1, 3)
SEEN = (0, 1, 3)


def _table_lamp(b, d, s, wall, at, shift, height):
    b.on_top(fit.lamp(d, s), wall, at, shift, 0.06, height)


def _dress_wall(b, d, s, doors=0.6, windows=1):
    for _ in range(windows):
        b.window(d.pick(SEEN))
    if d.chance(doors):
        b.try_against(fit.door(d, s), SEEN, far=0.1, near=0.8)


def _floor_things(b, d, s, count):
    for _ in range(count):
        g = d.pick((props.box, props.bag, props.plant, props.box, props.bag))(d, s)
        if d.chance(0.5):
            b.try_against(g, SEEN)
        else:
            for _ in range(4):
                if b.stand(g, d.uniform(0.4, b.w - 0.4), d.uniform(0.4, 0.65 * b.l), d.uniform(-40, 40)):
                    break


def _rug(b, d, s, x, y, degrees=0.0):
    g = props.mat(d, s, d.uniform(1.3, 2.2), d.uniform(0.9, 1.5))
    b.stand(g, x, y, degrees, z=0.0, flat=True)


def bedroom(b, d, s):
    b.shell(False)
    bed = fur.bed(d, s)
    wall = d.pick((0, 0, 1, 3))
    half = bed.size[0] / 2
    at = (
        d.uniform(half + 0.55, max(half + 0.56, b.length(wall) - half - 0.55))
        if wall == 0
        else b.along(wall, d.uniform(half + 0.5, max(half + 0.51, b.l * 0.5)))
    )
    b.against(bed, wall, at)
    for side in (-1, 1):
        stand = fur.night_stand(d, s)
        place = at + side * (half + stand.size[0] / 2 + 0.12)
        if d.chance(0.85) and b.against(stand, wall, place):
            if d.chance(0.75):
                _table_lamp(b, d, s, wall, place, 0, stand.size[2])
            else:
                b.on_top(props.clutter(d, s, ("books", "vase")), wall, place, 0, 0.06, stand.size[2])
    if d.chance(0.65):
        b.hang(fit.picture(d, s), wall, at, d.uniform(1.6, 1.75), -0.35, 0.35)
    chest = fur.dresser(d, s)
    spot = b.try_against(chest, SEEN)
    if spot:
        if d.chance(0.6):
            b.hang(fit.mirror(d, s), spot[0], spot[1], chest.size[2] + 0.6, -0.5, 0.5)
        elif d.chance(0.6):
            b.on_top(fit.television(d, s), spot[0], spot[1], 0, 0.1, chest.size[2])
        else:
            b.on_top(props.clutter(d, s), spot[0], spot[1], -0.25, 0.1, chest.size[2])
    _dress_wall(b, d, s)
    if d.chance(0.5):
        _rug(b, d, s, b.w * d.uniform(0.35, 0.65), b.l * d.uniform(0.35, 0.55))
    if d.chance(0.45):
        b.try_against(fur.cabinet(d, s, True), SEEN)
    if d.chance(0.4):
        b.try_against(fur.chair(d, s), SEEN)
    _floor_things(b, d, s, d.integer(0, 2))


def living(b, d, s):
    b.shell(False)
    sofa = fur.sofa(d, s)
    wall = d.pick((0, 1, 3))
    at = d.uniform(0.35, 0.65) * b.w if wall == 0 else b.along(wall, d.uniform(0.3, 0.5) * b.l)
    b.against(sofa, wall, at, out=0.05)
    x, y = b.origin(wall, at)
    away = sofa.size[1] + d.uniform(0.3, 0.5)
    dx, dy = ((0, 1), (-1, 0), (0, -1), (1, 0))[wall]
    if d.chance(0.6):
        _rug(b, d, s, x + dx * (away - 0.4), y + dy * (away - 0.4), 90.0 * wall)
    low = fur.table(d, s, low=True, round_=d.chance(0.25))
    if d.chance(0.8) and b.stand(low, x + dx * away, y + dy * away, 90.0 * wall):
        top = props.clutter(d, s, ("books", "vase", "paper"))
        b.stand(top, x + dx * (away + 0.15), y + dy * (away + 0.15), 90.0 * wall, z=low.size[2] + 0.001)
    if d.chance(0.75):
        stand = fur.cabinet(d, s, False)
        spot = b.try_against(stand, [w for w in SEEN if w != wall])
        if spot:
            b.on_top(fit.television(d, s), spot[0], spot[1], 0, 0.1, stand.size[2])
            b.hung[spot[0]].append((spot[1] - 0.7, spot[1] + 0.7, 0.5, 1.9))
    if d.chance(0.6):
        b.try_against(fur.bookshelf(d, s), SEEN)
    if d.chance(0.55):
        b.try_against(fit.lamp(d, s, floor=True), SEEN)
    _dress_wall(b, d, s, 0.5)
    if d.chance(0.5):
        b.try_against(fur.sofa(d, s), [w for w in SEEN if w != wall])
    if d.chance(0.4):
        b.try_against(props.plant(d, s), SEEN)
    if d.chance(0.35):
        b.try_hang(fit.wall_shelves(d, s), SEEN, d.uniform(1.4, 1.7))
    _floor_things(b, d, s, d.integer(0, 2))


def study(b, d, s):
    b.shell(d.chance(0.5))
    wall = d.pick(SEEN)
    for _ in range(d.integer(1, 2)):
        desk = fur.desk(d, s)
        spot = b.try_against(desk, (wall,))
        wall = d.pick(SEEN)
        if not spot:
            continue
        side, at = spot
        h = desk.size[2]
        if d.chance(0.85):
            b.on_top(fit.television(d, s, small=True), side, at, d.uniform(-0.2, 0.2), 0.12, h)
        if d.chance(0.6):
            _table_lamp(b, d, s, side, at, d.pick((-1, 1)) * 0.45, h)
        b.on_top(props.clutter(d, s, ("books", "paper", "paper")), side, at, d.uniform(-0.4, 0.4), 0.36, h)
        x, y = b.origin(side, at)
        dx, dy = ((0, 1), (-1, 0), (0, -1), (1, 0))[side]
        out = desk.size[1] + 0.72
        seat = fur.office_chair(d, s) if d.chance(0.7) else fur.chair(d, s)
        b.stand(seat, x + dx * out, y + dy * out, 90.0 * side + 180.0 + d.uniform(-35, 35))
    for _ in range(d.integer(1, 2)):
        b.try_against(fur.bookshelf(d, s), SEEN)
    if d.chance(0.55):
        b.try_hang(fit.whiteboard(d, s), SEEN, d.uniform(1.4, 1.6))
    if d.chance(0.6):
        b.try_against(fur.cabinet(d, s), SEEN)
    _dress_wall(b, d, s, 0.55)
    if d.chance(0.4):
        b.try_hang(fit.wall_shelves(d, s), SEEN, d.uniform(1.5, 1.7))
    if d.chance(0.35):
        b.try_against(fit.radiator(d, s), SEEN)
    _floor_things(b, d, s, d.integer(1, 3))


def _dining_set(b, d, s):
    round_ = d.chance(0.3)
    g = fur.table(d, s, round_=round_)
    x, y = b.w * d.uniform(0.35, 0.65), b.l * d.uniform(0.32, 0.48)
    if not b.stand(g, x, y):
        return
    w, depth, h = g.size
    b.stand(
        props.clutter(d, s, ("vase", "vase", "books", "paper")),
        x + d.uniform(-0.2, 0.2),
        y + 0.2,
        z=h + 0.001,
    )
    seat = fur.chair(d, s)
    for cx, cy, degrees in (
        (x - w / 4, y - 0.3, 0),
        (x + w / 4, y - 0.3, 0),
        (x - w / 4, y + depth + 0.3, 180),
        (x + w / 4, y + depth + 0.3, 180),
        (x - w / 2 - 0.3, y + depth / 2, 270),
        (x + w / 2 + 0.3, y + depth / 2, 90),
    ):
        if d.chance(0.7):
            # Chairs may stand partly under the table: a small overlap is right.
            b.stand(seat, cx, cy, degrees + d.uniform(-10, 10), gap=-0.2)


def kitchen(b, d, s):
    b.shell(True)
    wall = d.pick((0, 0, 1, 3))
    cool = fur.fridge(d, s)
    free = b.length(wall) * (1.0 if wall == 0 else 0.62)
    width = min(d.uniform(1.6, 2.8), free - cool.size[0] - 0.35)
    unit = fit.kitchen(d, s, width)
    start = d.uniform(0.05, max(0.06, free - width - cool.size[0] - 0.15))
    places = [start + width / 2, start + width + cool.size[0] / 2 + 0.06]
    if wall == 3:
        places = [b.l - p for p in places]
    b.against(unit, wall, places[0])
    b.against(cool, wall, places[1])
    _dining_set(b, d, s)
    _dress_wall(b, d, s, 0.6)
    if d.chance(0.5):
        b.try_against(fur.cabinet(d, s), [w for w in SEEN if w != wall])
    if d.chance(0.5):
        _rug(b, d, s, b.w / 2, b.l * 0.3)
    if d.chance(0.3):
        b.try_against(fit.radiator(d, s), SEEN)
    _floor_things(b, d, s, d.integer(0, 2))


def dining(b, d, s):
    b.shell(d.chance(0.4))
    _dining_set(b, d, s)
    chest = fur.cabinet(d, s, False)
    spot = b.try_against(chest, SEEN)
    if spot and d.chance(0.7):
        b.on_top(props.clutter(d, s, ("vase", "books")), spot[0], spot[1], d.uniform(-0.3, 0.3), 0.1, chest.size[2])
        if d.chance(0.6):
            b.hang(fit.mirror(d, s), spot[0], spot[1], chest.size[2] + 0.6, -0.5, 0.5)
    _dress_wall(b, d, s, 0.6, d.integer(1, 2))
    if d.chance(0.6):
        b.try_against(fur.bookshelf(d, s), SEEN)
    if d.chance(0.5):
        b.try_against(props.plant(d, s), SEEN)
    if d.chance(0.4):
        b.try_against(fur.cabinet(d, s, True), SEEN)
    if d.chance(0.4):
        b.try_against(fit.radiator(d, s), SEEN)
    _floor_things(b, d, s, d.integer(0, 2))


RECIPES = (bedroom, bedroom, living, living, study, study, kitchen, kitchen, dining)
