"""SynthRooms: furnished rooms rendered by exact ray casting, in the folder layout of NYUDv2."""

from .prepare_synthrooms import prepare_synthrooms
from .render_room import RenderedRoom, render_room

__all__ = ["RenderedRoom", "prepare_synthrooms", "render_room"]
