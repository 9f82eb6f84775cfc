"""What painting a task returns: pictures and the key to their colours."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mtl_plugins.functional.colour_scale import ColourScale

#: (name, RGB colour)
Swatch = tuple[str, tuple[int, ...]]


@dataclass
class ColourBar:
    """The colour bar of a map that is painted along a colormap.

    Args:
        table: The colours, uint8 (256, 3).
        low: Value of the first colour.
        high: Value of the last colour.
        unit: Unit of the values, `''` if they have none.
        log: Whether the colours follow the logarithm of the values.
    """

    table: np.ndarray
    low: float
    high: float
    unit: str = ""
    log: bool = False

    @property
    def scale(self) -> ColourScale:
        """The places of the values along the bar."""
        return ColourScale(self.low, self.high, self.log)


@dataclass
class Painted:
    """The maps of one task as pictures.

    Args:
        pictures: One uint8 (H, W, 3) per map, in the maps' order. A fourth channel, if any, is the opacity (255 or 0):
            such a picture is placed over the darkened image.
        bar: The colour bar, if any.
        swatches: Names and colours to show below the task's column.
        legend: Names and colours for the large legend of the panel.
    """

    pictures: Sequence[np.ndarray]
    bar: ColourBar | None = None
    swatches: Sequence[Swatch] = ()
    legend: Sequence[Swatch] = ()
