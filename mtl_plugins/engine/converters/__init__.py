"""Published checkpoints to this project's names. One file a format; ``CONVERTERS`` is what ``--from`` may name."""

from .efficientnet_lite import convert_efficientnet_lite
from .lwrefinenet import convert_lwrefinenet
from .wrn38_cityscapes import convert_wrn38_cityscapes

CONVERTERS = {
    "efficientnet-lite": convert_efficientnet_lite,
    "lwrefinenet": convert_lwrefinenet,
    "wrn38-cityscapes": convert_wrn38_cityscapes,
}

__all__ = ["CONVERTERS", "convert_efficientnet_lite", "convert_lwrefinenet", "convert_wrn38_cityscapes"]
