"""The kinds of rooms and what goes into each, the most characteristic things first.

A thing that does not fit is left out. Each function takes the builder, its random numbers and its materials.
"""

from collections.abc import Callable

from . import fittings, furniture, small_objects
from .portable_random import PortableRandom
from .room_builder import RoomBuilder
from .style import Style

#: The walls that the camera can see.
VISIBLE_WALLS = (0, 1, 3)
# The direction (x, y) from each wall into the room.
_INTO_ROOM = ((0, 1), (-1, 0), (0, -1), (1, 0))


def _add_table_lamp(
    builder: RoomBuilder, rng: PortableRandom, style: Style, wall: int, place: float, shift: float, height: float
) -> None:
    builder.put_on_top(fittings.lamp(rng, style), wall, place, shift, 0.06, height)


def _add_windows_and_door(
    builder: RoomBuilder, rng: PortableRandom, style: Style, door: float = 0.6, windows: int = 1
) -> None:
    """Add windows and, with probability `door`, a door."""
    for _ in range(windows):
        builder.add_window(rng.pick(VISIBLE_WALLS))
    if rng.chance(door):
        builder.try_stand_against(fittings.door(rng, style), VISIBLE_WALLS, far=0.1, near=0.8)


def _scatter_objects(builder: RoomBuilder, rng: PortableRandom, style: Style, count: int) -> None:
    """Put small objects on the floor, along walls or anywhere."""
    for _ in range(count):
        make = rng.pick(
            (small_objects.box, small_objects.bag, small_objects.plant, small_objects.box, small_objects.bag)
        )
        group = make(rng, style)
        if rng.chance(0.5):
            builder.try_stand_against(group, VISIBLE_WALLS)
        else:
            for _ in range(4):
                x, y = rng.uniform(0.4, builder.width - 0.4), rng.uniform(0.4, 0.65 * builder.depth)
                if builder.stand(group, x, y, rng.uniform(-40, 40)):
                    break


def _add_rug(builder: RoomBuilder, rng: PortableRandom, style: Style, x: float, y: float, degrees: float = 0.0) -> None:
    group = small_objects.mat(rng, style, rng.uniform(1.3, 2.2), rng.uniform(0.9, 1.5))
    builder.stand(group, x, y, degrees, z=0.0, flat=True)


def bedroom(builder: RoomBuilder, rng: PortableRandom, style: Style) -> None:
    """A bed with night stands, a dresser and a wardrobe."""
    builder.add_shell(False)
    bed = furniture.bed(rng, style)
    wall = rng.pick((0, 0, 1, 3))
    half = bed.size[0] / 2
    at = (
        rng.uniform(half + 0.55, max(half + 0.56, builder.wall_length(wall) - half - 0.55))
        if wall == 0
        else builder.place_at(wall, rng.uniform(half + 0.5, max(half + 0.51, builder.depth * 0.5)))
    )
    builder.stand_against(bed, wall, at)
    for side in (-1, 1):
        stand = furniture.night_stand(rng, style)
        place = at + side * (half + stand.size[0] / 2 + 0.12)
        if rng.chance(0.85) and builder.stand_against(stand, wall, place):
            if rng.chance(0.75):
                _add_table_lamp(builder, rng, style, wall, place, 0, stand.size[2])
            else:
                builder.put_on_top(
                    small_objects.clutter(rng, style, ("books", "vase")), wall, place, 0, 0.06, stand.size[2]
                )
    if rng.chance(0.65):
        builder.hang(fittings.picture(rng, style), wall, at, rng.uniform(1.6, 1.75), -0.35, 0.35)
    chest = furniture.dresser(rng, style)
    spot = builder.try_stand_against(chest, VISIBLE_WALLS)
    if spot:
        if rng.chance(0.6):
            builder.hang(fittings.mirror(rng, style), spot[0], spot[1], chest.size[2] + 0.6, -0.5, 0.5)
        elif rng.chance(0.6):
            builder.put_on_top(fittings.television(rng, style), spot[0], spot[1], 0, 0.1, chest.size[2])
        else:
            builder.put_on_top(small_objects.clutter(rng, style), spot[0], spot[1], -0.25, 0.1, chest.size[2])
    _add_windows_and_door(builder, rng, style)
    if rng.chance(0.5):
        _add_rug(builder, rng, style, builder.width * rng.uniform(0.35, 0.65), builder.depth * rng.uniform(0.35, 0.55))
    if rng.chance(0.45):
        builder.try_stand_against(furniture.cabinet(rng, style, True), VISIBLE_WALLS)
    if rng.chance(0.4):
        builder.try_stand_against(furniture.chair(rng, style), VISIBLE_WALLS)
    _scatter_objects(builder, rng, style, rng.integer(0, 2))


def living_room(builder: RoomBuilder, rng: PortableRandom, style: Style) -> None:
    """A sofa with a coffee table, a television and shelves."""
    builder.add_shell(False)
    sofa = furniture.sofa(rng, style)
    wall = rng.pick((0, 1, 3))
    at = (
        rng.uniform(0.35, 0.65) * builder.width
        if wall == 0
        else builder.place_at(wall, rng.uniform(0.3, 0.5) * builder.depth)
    )
    builder.stand_against(sofa, wall, at, distance=0.05)
    x, y = builder.floor_point(wall, at)
    away = sofa.size[1] + rng.uniform(0.3, 0.5)
    dx, dy = _INTO_ROOM[wall]
    if rng.chance(0.6):
        _add_rug(builder, rng, style, x + dx * (away - 0.4), y + dy * (away - 0.4), 90.0 * wall)
    low = furniture.table(rng, style, low=True, round_=rng.chance(0.25))
    if rng.chance(0.8) and builder.stand(low, x + dx * away, y + dy * away, 90.0 * wall):
        top = small_objects.clutter(rng, style, ("books", "vase", "paper"))
        builder.stand(top, x + dx * (away + 0.15), y + dy * (away + 0.15), 90.0 * wall, z=low.size[2] + 0.001)
    if rng.chance(0.75):
        stand = furniture.cabinet(rng, style, False)
        spot = builder.try_stand_against(stand, [w for w in VISIBLE_WALLS if w != wall])
        if spot:
            builder.put_on_top(fittings.television(rng, style), spot[0], spot[1], 0, 0.1, stand.size[2])
            builder.taken_on_wall[spot[0]].append((spot[1] - 0.7, spot[1] + 0.7, 0.5, 1.9))
    if rng.chance(0.6):
        builder.try_stand_against(furniture.bookshelf(rng, style), VISIBLE_WALLS)
    if rng.chance(0.55):
        builder.try_stand_against(fittings.lamp(rng, style, floor=True), VISIBLE_WALLS)
    _add_windows_and_door(builder, rng, style, 0.5)
    if rng.chance(0.5):
        builder.try_stand_against(furniture.sofa(rng, style), [w for w in VISIBLE_WALLS if w != wall])
    if rng.chance(0.4):
        builder.try_stand_against(small_objects.plant(rng, style), VISIBLE_WALLS)
    if rng.chance(0.35):
        builder.try_hang(fittings.wall_shelves(rng, style), VISIBLE_WALLS, rng.uniform(1.4, 1.7))
    _scatter_objects(builder, rng, style, rng.integer(0, 2))


def study(builder: RoomBuilder, rng: PortableRandom, style: Style) -> None:
    """Desks with chairs and screens, bookshelves and a whiteboard."""
    builder.add_shell(rng.chance(0.5))
    wall = rng.pick(VISIBLE_WALLS)
    for _ in range(rng.integer(1, 2)):
        desk = furniture.desk(rng, style)
        spot = builder.try_stand_against(desk, (wall,))
        wall = rng.pick(VISIBLE_WALLS)
        if not spot:
            continue
        side, at = spot
        h = desk.size[2]
        if rng.chance(0.85):
            builder.put_on_top(fittings.television(rng, style, small=True), side, at, rng.uniform(-0.2, 0.2), 0.12, h)
        if rng.chance(0.6):
            _add_table_lamp(builder, rng, style, side, at, rng.pick((-1, 1)) * 0.45, h)
        builder.put_on_top(
            small_objects.clutter(rng, style, ("books", "paper", "paper")), side, at, rng.uniform(-0.4, 0.4), 0.36, h
        )
        x, y = builder.floor_point(side, at)
        dx, dy = _INTO_ROOM[side]
        out = desk.size[1] + 0.72
        seat = furniture.office_chair(rng, style) if rng.chance(0.7) else furniture.chair(rng, style)
        builder.stand(seat, x + dx * out, y + dy * out, 90.0 * side + 180.0 + rng.uniform(-35, 35))
    for _ in range(rng.integer(1, 2)):
        builder.try_stand_against(furniture.bookshelf(rng, style), VISIBLE_WALLS)
    if rng.chance(0.55):
        builder.try_hang(fittings.whiteboard(rng, style), VISIBLE_WALLS, rng.uniform(1.4, 1.6))
    if rng.chance(0.6):
        builder.try_stand_against(furniture.cabinet(rng, style), VISIBLE_WALLS)
    _add_windows_and_door(builder, rng, style, 0.55)
    if rng.chance(0.4):
        builder.try_hang(fittings.wall_shelves(rng, style), VISIBLE_WALLS, rng.uniform(1.5, 1.7))
    if rng.chance(0.35):
        builder.try_stand_against(fittings.radiator(rng, style), VISIBLE_WALLS)
    _scatter_objects(builder, rng, style, rng.integer(1, 3))


def _add_dining_set(builder: RoomBuilder, rng: PortableRandom, style: Style) -> None:
    """Add a table with chairs around it."""
    round_ = rng.chance(0.3)
    group = furniture.table(rng, style, round_=round_)
    x, y = builder.width * rng.uniform(0.35, 0.65), builder.depth * rng.uniform(0.32, 0.48)
    if not builder.stand(group, x, y):
        return
    w, depth, h = group.size
    builder.stand(
        small_objects.clutter(rng, style, ("vase", "vase", "books", "paper")),
        x + rng.uniform(-0.2, 0.2),
        y + 0.2,
        z=h + 0.001,
    )
    seat = furniture.chair(rng, style)
    for cx, cy, degrees in (
        (x - w / 4, y - 0.3, 0),
        (x + w / 4, y - 0.3, 0),
        (x - w / 4, y + depth + 0.3, 180),
        (x + w / 4, y + depth + 0.3, 180),
        (x - w / 2 - 0.3, y + depth / 2, 270),
        (x + w / 2 + 0.3, y + depth / 2, 90),
    ):
        if rng.chance(0.7):
            # Chairs may stand partly under the table, so a small overlap is allowed.
            builder.stand(seat, cx, cy, degrees + rng.uniform(-10, 10), gap=-0.2)


def kitchen(builder: RoomBuilder, rng: PortableRandom, style: Style) -> None:
    """Kitchen cabinets, a refrigerator and a dining table."""
    builder.add_shell(True)
    wall = rng.pick((0, 0, 1, 3))
    cool = furniture.fridge(rng, style)
    free = builder.wall_length(wall) * (1.0 if wall == 0 else 0.62)
    width = min(rng.uniform(1.6, 2.8), free - cool.size[0] - 0.35)
    unit = fittings.kitchen(rng, style, width)
    start = rng.uniform(0.05, max(0.06, free - width - cool.size[0] - 0.15))
    places = [start + width / 2, start + width + cool.size[0] / 2 + 0.06]
    if wall == 3:
        places = [builder.depth - p for p in places]
    builder.stand_against(unit, wall, places[0])
    builder.stand_against(cool, wall, places[1])
    _add_dining_set(builder, rng, style)
    _add_windows_and_door(builder, rng, style, 0.6)
    if rng.chance(0.5):
        builder.try_stand_against(furniture.cabinet(rng, style), [w for w in VISIBLE_WALLS if w != wall])
    if rng.chance(0.5):
        _add_rug(builder, rng, style, builder.width / 2, builder.depth * 0.3)
    if rng.chance(0.3):
        builder.try_stand_against(fittings.radiator(rng, style), VISIBLE_WALLS)
    _scatter_objects(builder, rng, style, rng.integer(0, 2))


def dining_room(builder: RoomBuilder, rng: PortableRandom, style: Style) -> None:
    """A dining table with chairs, and a sideboard."""
    builder.add_shell(rng.chance(0.4))
    _add_dining_set(builder, rng, style)
    chest = furniture.cabinet(rng, style, False)
    spot = builder.try_stand_against(chest, VISIBLE_WALLS)
    if spot and rng.chance(0.7):
        builder.put_on_top(
            small_objects.clutter(rng, style, ("vase", "books")),
            spot[0],
            spot[1],
            rng.uniform(-0.3, 0.3),
            0.1,
            chest.size[2],
        )
        if rng.chance(0.6):
            builder.hang(fittings.mirror(rng, style), spot[0], spot[1], chest.size[2] + 0.6, -0.5, 0.5)
    _add_windows_and_door(builder, rng, style, 0.6, rng.integer(1, 2))
    if rng.chance(0.6):
        builder.try_stand_against(furniture.bookshelf(rng, style), VISIBLE_WALLS)
    if rng.chance(0.5):
        builder.try_stand_against(small_objects.plant(rng, style), VISIBLE_WALLS)
    if rng.chance(0.4):
        builder.try_stand_against(furniture.cabinet(rng, style, True), VISIBLE_WALLS)
    if rng.chance(0.4):
        builder.try_stand_against(fittings.radiator(rng, style), VISIBLE_WALLS)
    _scatter_objects(builder, rng, style, rng.integer(0, 2))


#: The kinds to choose from; a kind that is listed twice is twice as frequent.
ROOM_TYPES: tuple[Callable[[RoomBuilder, PortableRandom, Style], None], ...] = (
    bedroom,
    bedroom,
    living_room,
    living_room,
    study,
    study,
    kitchen,
    kitchen,
    dining_room,
)
