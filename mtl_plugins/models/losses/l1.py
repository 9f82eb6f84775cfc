from typing import Any

from torch import Tensor

from mtl_plugins.functional.losses import l1
from mtl_plugins.registry import MODELS

from .base import DenseLoss


@MODELS.register_module()
class L1Loss(DenseLoss):
    """Mean absolute error over the valid pixels, for depth, normals and other floats.

    Args:
        zero_is_void: Whether a pixel with 0 in all channels has no label, as in depth and normals.
        **kwargs: As for `DenseLoss`.
    """

    name = "l1"

    def __init__(self, zero_is_void: bool = True, **kwargs: Any):
        super().__init__(**kwargs)
        self.zero_is_void = zero_is_void

    def compute(self, prediction: Tensor, target: Tensor) -> Tensor:
        return l1(prediction, target, self.zero_is_void)
