"""Plain numbers."""

from collections.abc import Sequence

import numpy as np

from mtl_plugins.functional.painting import HEAT_COLORMAP, colormap_table, paint_generic

from .kind import Kind, Meta
from .kind_registry import register_kind
from .painted import ColourBar, Painted


@register_kind
class Numbers(Kind):
    """Any numbers, (N, K, H, W) or (N, K): the raw output is the prediction. Files are NPY."""

    name = "numbers"
    aliases: Sequence[str] = ("map",)

    def paint(self, maps: Sequence[np.ndarray], meta: Meta) -> Painted:
        """Paint values or the length of vectors with a heat colormap; show uint8 maps (3, H, W) as RGB images."""
        if all(values.shape[0] == 3 and values.dtype == np.uint8 for values in maps):
            return Painted([values.transpose(1, 2, 0) for values in maps])
        return paint_heat(maps, unit=self.unit)


def paint_heat(maps: Sequence[np.ndarray], unit: str = "") -> Painted:
    """Paint maps (K, H, W) with a heat colormap and a common range.

    Values between 0 and 1 are probably probabilities, so their range is 0 to 1. Otherwise it goes from the smallest to
    the largest value.
    """
    heat = [_length(values.astype(np.float32)) for values in maps]
    finite = np.concatenate([values[np.isfinite(values)] for values in heat])
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
    if 0 <= low and high <= 1:
        low, high = 0.0, 1.0
    pictures = [paint_generic(values, low, high) for values in heat]
    return Painted(pictures, bar=ColourBar(colormap_table(HEAT_COLORMAP), low, high, unit))


def _length(values: np.ndarray) -> np.ndarray:
    """The values (H, W) of a map: its single channel, or the length of its vectors. (1, 1) for one vector per image."""
    values = values.reshape(len(values), 1, 1) if values.ndim == 1 else values
    return values[0] if len(values) == 1 else np.linalg.norm(values, axis=0)
