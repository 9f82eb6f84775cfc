"""Published checkpoints to this project's names. One file a format; ``CONVERTERS`` is what ``--from`` may name."""

from .lwrefinenet import convert_lwrefinenet
from .wrn38_cityscapes import convert_wrn38_cityscapes

CONVERTERS = {"lwrefinenet": convert_lwrefinenet, "wrn38-cityscapes": convert_wrn38_cityscapes}

__all__ = ["CONVERTERS", "convert_lwrefinenet", "convert_wrn38_cityscapes"]
