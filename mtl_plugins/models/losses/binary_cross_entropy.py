from typing import Any

from torch import Tensor

from mtl_plugins.functional.losses import binary_cross_entropy
from mtl_plugins.registry import MODELS

from .base import DenseLoss


@MODELS.register_module()
class BinaryCrossEntropyLoss(DenseLoss):
    """Binary cross-entropy of logits with a target in 0 ... 1, for saliency, edges and other binary maps.

    Args:
        ignore_index: Void value of the target. Values that are not finite are void, too.
        pos_weight: Factor of the positive part, if positives are rare.
        **kwargs: As for `DenseLoss`.
    """

    name = "bce"

    def __init__(self, ignore_index: int = 255, pos_weight: float | None = None, **kwargs: Any):
        super().__init__(**kwargs)
        self.ignore_index = ignore_index
        self.pos_weight = pos_weight

    def compute(self, prediction: Tensor, target: Tensor) -> Tensor:
        return binary_cross_entropy(prediction, target, self.ignore_index, self.pos_weight)
