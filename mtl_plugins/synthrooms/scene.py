"""A random furnished room."""

from .builder import Builder
from .draw import Draw
from .recipes import RECIPES
from .room import Room


def random_room(draw: Draw) -> Room:
    """A bedroom, living room, study, kitchen or dining room drawn from ``draw``."""
    builder = Builder(draw)
    recipe = draw.pick(RECIPES)
    recipe(builder, draw, builder.s)
    return builder.finish()
