"""Conversion of published checkpoints to this project's names, one module per format."""

from collections.abc import Callable

from torch import Tensor

from .efficientnet_lite import convert_efficientnet_lite
from .lwrefinenet import convert_lwrefinenet
from .tonylins_mobilenetv2 import convert_tonylins_mobilenetv2
from .wrn38_cityscapes import convert_wrn38_cityscapes

#: Converters by the name of the format, which `mtl convert --from` takes.
CONVERTERS: dict[str, Callable[[dict[str, Tensor]], dict[str, Tensor]]] = {
    "efficientnet-lite": convert_efficientnet_lite,
    "lwrefinenet": convert_lwrefinenet,
    "tonylins-mobilenetv2": convert_tonylins_mobilenetv2,
    "wrn38-cityscapes": convert_wrn38_cityscapes,
}

__all__ = [
    "CONVERTERS",
    "convert_efficientnet_lite",
    "convert_lwrefinenet",
    "convert_tonylins_mobilenetv2",
    "convert_wrn38_cityscapes",
]
