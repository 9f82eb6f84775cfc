"""Probabilities."""

from collections.abc import Mapping, Sequence

from torch import Tensor

from .kind import Meta
from .kind_registry import register_kind
from .numbers import Numbers


@register_kind
class Probability(Numbers):
    """Independent probabilities (N, K, H, W), 0 to 1: the sigmoid of a raw output. 0 is a valid label.

    Files are NPY; 8- and 16-bit PNGs are read as 0 to 1.
    """

    name = "probability"
    aliases = ()
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
        """Pixels with finite values; 0 is a value like any other."""
        return label.isfinite().all(0)
