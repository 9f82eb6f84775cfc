from mtl_plugins.functional.losses import binary_cross_entropy
from mtl_plugins.registry import MODELS

from .base import DenseLoss


@MODELS.register_module()
class BinaryCrossEntropyLoss(DenseLoss):
    """Binary cross-entropy of logits with a target 0 … 1, for saliency, edges and other yes-or-no maps.

    Args:
        ignore_index: the void value of the target; values that are not finite are void too.
        pos_weight: multiplies the part of the positives, where they are few.
    """

    name = "bce"

    def __init__(self, ignore_index=255, pos_weight=None, **kwargs):
        super().__init__(**kwargs)
        self.ignore_index = ignore_index
        self.pos_weight = pos_weight

    def compute(self, prediction, target):
        return binary_cross_entropy(prediction, target, self.ignore_index, self.pos_weight)
