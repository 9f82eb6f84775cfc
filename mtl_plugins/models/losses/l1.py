from typing import Any

import torch.nn.functional as F
from torch import Tensor

from mtl_plugins.functional.losses import l1
from mtl_plugins.registry import MODELS

from .base import DenseLoss


@MODELS.register_module()
class L1Loss(DenseLoss):
    """Mean absolute error over the valid pixels, for depth, normals and other floats.

    Args:
        zero_is_void: Whether a pixel with 0 in all channels has no label, as in depth and normals.
        unit_vectors: Whether predictions are scaled to unit length first, as for normals in multi-task papers.
        **kwargs: As for `DenseLoss`.
    """

    name = "l1"

    def __init__(self, zero_is_void: bool = True, unit_vectors: bool = False, **kwargs: Any):
        super().__init__(**kwargs)
        self.zero_is_void, self.unit_vectors = zero_is_void, unit_vectors

    def compute(self, prediction: Tensor, target: Tensor) -> Tensor:
        if self.unit_vectors:
            prediction = F.normalize(prediction, dim=1)
        return l1(prediction, target, self.zero_is_void)
