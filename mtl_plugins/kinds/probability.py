"""Probabilities."""

from collections.abc import Mapping, Sequence

import numpy as np
from torch import Tensor

from mtl_plugins.functional.binary_labels import VOID, valid_binary

from .kind import Meta
from .kind_registry import register_kind
from .numbers import Numbers
from .painted import Painted


@register_kind
class Probability(Numbers):
    """Independent probabilities (N, K, H, W), 0 to 1: the sigmoid of a raw output. 0 is a valid label.

    Labels are floating-point numbers, not finite for void, or binary masks with 255 for void. Files are NPY; 8- and
    16-bit PNGs are read as 0 to 1.
    """

    name = "probability"
    aliases = ()
    void = float("nan")
    tasks: Mapping[str, str] = {"saliency": "saliency", "edge": "edges"}

    def to_scores(self, raw: Tensor, size: tuple[int, int] | None = None) -> Tensor:
        """Probabilities: the sigmoid."""
        return super().to_scores(raw, size).sigmoid()

    def implausible(self, labels: Sequence[Tensor], meta: Meta) -> str | None:
        """Values outside 0 to 1."""
        values = self.valid_values(labels)
        if 0 <= values.min() and values.max() <= 1:
            return None
        return f"the labels are {self.describe(labels, meta)}, but probabilities are 0 to 1."

    def valid(self, label: Tensor) -> Tensor:
        """Pixels with finite values, or with other values than 255 in a mask; 0 is a value like any other."""
        if label.is_floating_point():
            return label.isfinite().all(0)
        return valid_binary(label).all(0)

    def paint(self, maps: Sequence[np.ndarray], meta: Meta) -> Painted:
        """Paint probabilities with a heat colormap; void pixels of masks become black."""
        return super().paint([_with_nan(values) for values in maps], meta)


def _with_nan(values: np.ndarray) -> np.ndarray:
    """A mask (1, H, W) as float32 with NaN for void; other maps are returned unchanged."""
    if len(values) != 1 or not np.issubdtype(values.dtype, np.integer):
        return values
    return np.where(values == VOID, np.float32("nan"), values.astype(np.float32))
