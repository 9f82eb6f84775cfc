import torch

from mtl_plugins.functional.losses import cross_entropy, resizing_cross_entropy
from mtl_plugins.registry import MODELS

from .base import DenseLoss


@MODELS.register_module()
class CrossEntropyLoss(DenseLoss):
    """Cross-entropy over the pixels that are not void, with torch's rule for averaging under class weights.

    Args:
        ignore_index: the void class.
        class_weight: one weight a class; the mean is then weighted, as torch's.
        label_smoothing: 0 … 1, share of the target that is spread over all classes.
    """

    name = "ce"

    def __init__(self, ignore_index=255, class_weight=None, label_smoothing=0.0, **kwargs):
        super().__init__(**kwargs)
        self.ignore_index = ignore_index
        self.label_smoothing = label_smoothing
        if class_weight is not None:
            class_weight = torch.as_tensor(class_weight, dtype=torch.float32)
        self.register_buffer("class_weight", class_weight, persistent=False)

    def compute(self, prediction, target):
        return cross_entropy(prediction, target, self.ignore_index, self.class_weight, self.label_smoothing)

    def compute_resizing(self, prediction, target):
        return resizing_cross_entropy(prediction, target, self.ignore_index, self.class_weight, self.label_smoothing)
