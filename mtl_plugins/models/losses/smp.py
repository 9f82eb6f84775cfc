"""Region losses of segmentation-models-pytorch as `DenseLoss`."""

from typing import Any

from segmentation_models_pytorch import losses as smp
from torch import Tensor, nn

from mtl_plugins.functional.losses import class_target, zero_loss
from mtl_plugins.registry import MODELS

from .base import DenseLoss


class SMPLoss(DenseLoss):
    """A multi-class loss of segmentation-models-pytorch.

    Args:
        ignore_index: The void class.
        loss_weight: As for `DenseLoss`.
        name: As for `DenseLoss`.
        **options: Further arguments of the loss of segmentation-models-pytorch.
    """

    smp_loss: type[nn.Module]

    def __init__(self, ignore_index: int = 255, loss_weight: float = 1.0, name: str | None = None, **options: Any):
        super().__init__(loss_weight, name)
        self.ignore_index = ignore_index
        self.loss = self.smp_loss(mode="multiclass", ignore_index=ignore_index, **options)

    def compute(self, prediction: Tensor, target: Tensor) -> Tensor:
        target = class_target(prediction, target, self.ignore_index)
        # an image without a valid pixel adds nothing, but the library's losses would return NaN or a wrong shape
        seen = (target != self.ignore_index).flatten(1).any(dim=1)
        if not seen.any():
            return zero_loss(prediction)
        if not seen.all():
            prediction, target = prediction[seen], target[seen]
        return self.loss(prediction, target)


@MODELS.register_module()
class DiceLoss(SMPLoss):
    """1 - soft Dice score of the batch, averaged over the classes. A class that is not in the batch counts as 0."""

    name = "dice"
    smp_loss = smp.DiceLoss


@MODELS.register_module()
class FocalLoss(SMPLoss):
    """Focal loss, Lin et al., ICCV 2017, one class against the rest; `gamma=2.0`, `alpha=None`."""

    name = "focal"
    smp_loss = smp.FocalLoss


@MODELS.register_module()
class LovaszLoss(SMPLoss):
    """Lovász-softmax, Berman et al., CVPR 2018, over the classes in the batch."""

    name = "lovasz"
    smp_loss = smp.LovaszLoss
