from typing import Any

from torch import Tensor

from mtl_plugins.functional.losses import inverse_huber
from mtl_plugins.registry import MODELS

from .base import DenseLoss


@MODELS.register_module()
class InverseHuberLoss(DenseLoss):
    """Inverse Huber (berHu) loss of depth, Laina et al., 3DV 2016.

    Args:
        threshold: Error above which the loss is quadratic, as a share of the batch's largest error.
        **kwargs: As for `DenseLoss`.

    Raises:
        ValueError: The threshold is not positive.
    """

    name = "berhu"

    def __init__(self, threshold: float = 0.2, **kwargs: Any):
        super().__init__(**kwargs)
        if threshold <= 0:
            raise ValueError(f"InverseHuberLoss: threshold={threshold} must be positive (0.2 is common)")
        self.threshold = threshold

    def compute(self, prediction: Tensor, target: Tensor) -> Tensor:
        return inverse_huber(prediction, target, self.threshold)
