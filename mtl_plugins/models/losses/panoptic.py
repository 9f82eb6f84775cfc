"""The losses of `PanopticHead`. Each reads its part of the raw output, and makes its target from the segment ids."""

from typing import Any

from torch import Tensor

from mtl_plugins.functional.panoptic import centre_loss, class_loss, offset_loss
from mtl_plugins.registry import MODELS

from .base import DenseLoss


@MODELS.register_module()
class SegmentClassLoss(DenseLoss):
    """Cross-entropy of the classes of a panoptic label.

    Args:
        **kwargs: As for `DenseLoss`.
    """

    name = "class"

    def compute(self, prediction: Tensor, target: Tensor) -> Tensor:
        return class_loss(prediction, target)


@MODELS.register_module()
class CentreLoss(DenseLoss):
    """Mean squared error of the heat map of the instances' centres (Panoptic-DeepLab, Cheng et al., CVPR 2020).

    Args:
        sigma: Standard deviation of the Gaussian at each centre, as a share of the larger side of the image.
        **kwargs: As for `DenseLoss`.
    """

    name = "centre"

    def __init__(self, sigma: float = 0.03, **kwargs: Any):
        super().__init__(**kwargs)
        if sigma <= 0:
            raise ValueError(f"CentreLoss: sigma must be above 0, but got {sigma}.")
        self.sigma = sigma

    def compute(self, prediction: Tensor, target: Tensor) -> Tensor:
        return centre_loss(prediction, target, self.sigma)


@MODELS.register_module()
class OffsetLoss(DenseLoss):
    """Mean absolute error of the offsets to the instances' centres, as a share of the image's size.

    Args:
        **kwargs: As for `DenseLoss`.
    """

    name = "offset"

    def compute(self, prediction: Tensor, target: Tensor) -> Tensor:
        return offset_loss(prediction, target)
