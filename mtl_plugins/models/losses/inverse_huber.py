from mtl_plugins.functional.losses import inverse_huber
from mtl_plugins.registry import MODELS

from .base import DenseLoss


@MODELS.register_module()
class InverseHuberLoss(DenseLoss):
    """Inverse Huber (berHu) loss of depth, Laina et al., 3DV 2016.

    Args:
        threshold: the error at which it turns quadratic, as a share of the batch's largest error.
    """

    name = "berhu"

    def __init__(self, threshold=0.2, **kwargs):
        super().__init__(**kwargs)
        if threshold <= 0:
            raise ValueError(f"InverseHuberLoss has threshold={threshold}, it must be above 0 (0.2 is usual)")
        self.threshold = threshold

    def compute(self, prediction, target):
        return inverse_huber(prediction, target, self.threshold)
