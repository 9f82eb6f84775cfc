from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from mtl_plugins.functional.losses import cross_entropy, resizing_cross_entropy
from mtl_plugins.registry import MODELS

from .base import DenseLoss


@MODELS.register_module()
class CrossEntropyLoss(DenseLoss):
    """Cross-entropy over the pixels that are not void, averaged as in `torch.nn.functional.cross_entropy`.

    Args:
        ignore_index: The void class.
        class_weight: One weight per class, for a weighted mean.
        label_smoothing: Share of the target in 0 ... 1 that is spread over all classes.
        **kwargs: As for `DenseLoss`.
    """

    name = "ce"
    class_weight: Tensor | None

    def __init__(
        self,
        ignore_index: int = 255,
        class_weight: Sequence[float] | None = None,
        label_smoothing: float = 0.0,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.ignore_index = ignore_index
        self.label_smoothing = label_smoothing
        weight = None if class_weight is None else torch.as_tensor(class_weight, dtype=torch.float32)
        self.register_buffer("class_weight", weight, persistent=False)

    def compute(self, prediction: Tensor, target: Tensor) -> Tensor:
        return cross_entropy(prediction, target, self.ignore_index, self.class_weight, self.label_smoothing)

    def compute_resizing(self, prediction: Tensor, target: Tensor) -> Tensor:
        return resizing_cross_entropy(prediction, target, self.ignore_index, self.class_weight, self.label_smoothing)
