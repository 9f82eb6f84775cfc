"""SynthRooms: furnished rooms rendered by exact ray casting, in the folder layout of NYUDv2."""

from .render import render_room
from .write import prepare_synthrooms

__all__ = ["prepare_synthrooms", "render_room"]
