from typing import Any

from torch import Tensor

from mtl_plugins.functional.losses import cosine_distance
from mtl_plugins.registry import MODELS

from .base import DenseLoss


@MODELS.register_module()
class CosineLoss(DenseLoss):
    """1 - cosine of the angle between predicted and true vectors of any length, for normals.

    Args:
        eps: Lower bound of the length of a prediction.
        **kwargs: As for `DenseLoss`.
    """

    name = "cosine"

    def __init__(self, eps: float = 1e-6, **kwargs: Any):
        super().__init__(**kwargs)
        self.eps = eps

    def compute(self, prediction: Tensor, target: Tensor) -> Tensor:
        return cosine_distance(prediction, target, self.eps)
