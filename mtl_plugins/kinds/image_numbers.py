"""One number or vector per image."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from mtl_plugins.structures import ImageLabel

from .image_classes import paint_text
from .kind import Kind, Meta
from .kind_registry import register_kind
from .label_options import DEFAULT_OPTIONS, LabelOptions
from .painted import Painted

_SHOWN = 4  # values of a vector in a picture


@register_kind
class ImageNumbers(Kind):
    """One vector per image, float (N, K): the raw output is the prediction. NaN means no label. Files are NPY."""

    name = "image_numbers"
    void = torch.nan

    def undo_mirror(self, scores: Tensor) -> Tensor:
        """The scores: a mirrored image has the same values."""
        return scores

    def valid(self, label: Tensor) -> Tensor:
        """Whether all values are finite; 0 is a value like any other."""
        return label.isfinite().all(0)

    def decode(self, stored: Tensor, options: LabelOptions = DEFAULT_OPTIONS) -> Tensor:
        """The values as `ImageLabel`, float32 (K,)."""
        return ImageLabel(stored.float().reshape(-1))

    def paint(self, maps: Sequence[np.ndarray], meta: Meta) -> Painted:
        """Write the values on a tile, the first ones of a long vector."""
        return Painted([paint_text(_format(np.ravel(values))) for values in maps])


def _format(values: np.ndarray) -> str:
    return ", ".join(f"{value:.3g}" for value in values[:_SHOWN]) + (", …" if len(values) > _SHOWN else "")
