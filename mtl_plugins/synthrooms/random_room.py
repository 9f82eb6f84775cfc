"""A random furnished room."""

from .portable_random import PortableRandom
from .room import Room
from .room_builder import RoomBuilder
from .room_types import ROOM_TYPES


def random_room(rng: PortableRandom) -> Room:
    """A random bedroom, living room, study, kitchen or dining room."""
    builder = RoomBuilder(rng)
    furnish = rng.pick(ROOM_TYPES)
    furnish(builder, rng, builder.style)
    return builder.finish()
