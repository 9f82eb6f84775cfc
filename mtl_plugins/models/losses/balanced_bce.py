from typing import Any

from torch import Tensor

from mtl_plugins.functional.losses import balanced_binary_cross_entropy
from mtl_plugins.functional.losses.balanced_binary_cross_entropy import PIXEL_COUNTS, PixelCount
from mtl_plugins.registry import MODELS

from .base import DenseLoss


@MODELS.register_module()
class BalancedBCELoss(DenseLoss):
    """Binary cross-entropy of logits that weights rare positives up and negatives down, for edges.

    Args:
        positive_weight: Weight w of the positives, between 0 and 1; the negatives have 1 − w. None uses the share of
            negatives in the batch, as HED does.
        normalisation: `'valid'`: mean over the valid pixels. `'all'`: the sum is divided by the number of all pixels,
            void or not, as in the code of most papers.
        ignore_index: Void value of the target. Values that are not finite are void, too.
        **kwargs: As for `DenseLoss`.

    Raises:
        ValueError: `positive_weight` is not between 0 and 1, or `normalisation` is unknown.
    """

    name = "balanced_bce"

    def __init__(
        self,
        positive_weight: float | None = 0.95,
        normalisation: PixelCount = "valid",
        ignore_index: int = 255,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        if positive_weight is not None and not 0 < positive_weight < 1:
            raise ValueError(
                f"BalancedBCELoss has positive_weight={positive_weight}: use a number between 0 and 1, such as 0.95, "
                "or None for the share of negatives in the batch."
            )
        if normalisation not in PIXEL_COUNTS:
            raise ValueError(
                f"BalancedBCELoss has normalisation={normalisation!r}, allowed are "
                f"{' and '.join(map(repr, PIXEL_COUNTS))}."
            )
        self.positive_weight, self.normalisation = positive_weight, normalisation
        self.ignore_index = ignore_index

    def compute(self, prediction: Tensor, target: Tensor) -> Tensor:
        return balanced_binary_cross_entropy(
            prediction, target, self.positive_weight, self.normalisation, self.ignore_index
        )
