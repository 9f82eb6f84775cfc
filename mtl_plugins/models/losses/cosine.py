from mtl_plugins.functional.losses import cosine_distance
from mtl_plugins.registry import MODELS

from .base import DenseLoss


@MODELS.register_module()
class CosineLoss(DenseLoss):
    """1 − cos of the angle between predicted and true vectors of any length, for normals.

    Args:
        eps: shorter predictions are taken as having this length.
    """

    name = "cosine"

    def __init__(self, eps=1e-6, **kwargs):
        super().__init__(**kwargs)
        self.eps = eps

    def compute(self, prediction, target):
        return cosine_distance(prediction, target, self.eps)
