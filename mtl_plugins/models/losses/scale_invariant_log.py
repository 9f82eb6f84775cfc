from typing import Any

from torch import Tensor

from mtl_plugins.functional.losses import scale_invariant_log
from mtl_plugins.registry import MODELS

from .base import DenseLoss


@MODELS.register_module()
class ScaleInvariantLogLoss(DenseLoss):
    """Scale-invariant log error of depth, mean(d^2) - variance_focus * mean(d)^2, Eigen et al., NeurIPS 2014.

    Args:
        variance_focus: Between 0 (squared log error) and 1 (the scale of an image does not matter).
        eps: Lower bound of predictions in metres.
        **kwargs: As for `DenseLoss`.

    Raises:
        ValueError: `variance_focus` is not in 0 ... 1, or `eps` is not positive.
    """

    name = "silog"

    def __init__(self, variance_focus: float = 0.85, eps: float = 1e-3, **kwargs: Any):
        super().__init__(**kwargs)
        if not 0 <= variance_focus <= 1:
            raise ValueError(f"ScaleInvariantLogLoss: variance_focus={variance_focus} must be in 0 ... 1")
        if eps <= 0:
            raise ValueError(f"ScaleInvariantLogLoss: eps={eps} must be positive")
        self.variance_focus = variance_focus
        self.eps = eps

    def compute(self, prediction: Tensor, target: Tensor) -> Tensor:
        return scale_invariant_log(prediction, target, self.variance_focus, self.eps)
