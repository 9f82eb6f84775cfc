"""The region losses of segmentation-models-pytorch, brought under :class:`DenseLoss`."""

from segmentation_models_pytorch import losses as smp

from mtl_plugins.functional.losses import class_target, zero_loss
from mtl_plugins.registry import MODELS

from .base import DenseLoss


class SMPLoss(DenseLoss):
    """A multi-class loss of segmentation-models-pytorch.

    Args:
        ignore_index: the void class.
        loss_weight, name: see :class:`DenseLoss`.
        options: further arguments of smp's loss.
    """

    smp_loss: type

    def __init__(self, ignore_index=255, loss_weight=1.0, name=None, **options):
        super().__init__(loss_weight, name)
        self.ignore_index = ignore_index
        self.loss = self.smp_loss(mode="multiclass", ignore_index=ignore_index, **options)

    def compute(self, prediction, target):
        target = class_target(prediction, target, self.ignore_index)
        # an image without a valid pixel adds nothing, but smp's losses turn NaN or lose their shape over it
        seen = (target != self.ignore_index).flatten(1).any(dim=1)
        if not seen.any():
            return zero_loss(prediction)
        if not seen.all():
            prediction, target = prediction[seen], target[seen]
        return self.loss(prediction, target)


@MODELS.register_module()
class DiceLoss(SMPLoss):
    """1 − soft Dice score of the batch, mean over the classes; a class that the batch lacks counts as 0."""

    name = "dice"
    smp_loss = smp.DiceLoss


@MODELS.register_module()
class FocalLoss(SMPLoss):
    """Focal loss, Lin et al., ICCV 2017, each class against the rest; ``gamma=2.0``, ``alpha=None``."""

    name = "focal"
    smp_loss = smp.FocalLoss


@MODELS.register_module()
class LovaszLoss(SMPLoss):
    """Lovász-softmax, Berman et al., CVPR 2018, over the classes that the batch has."""

    name = "lovasz"
    smp_loss = smp.LovaszLoss
