from mtl_plugins.functional.losses import scale_invariant_log
from mtl_plugins.registry import MODELS

from .base import DenseLoss


@MODELS.register_module()
class ScaleInvariantLogLoss(DenseLoss):
    """Scale-invariant log error of depth, mean(d²) − variance_focus · mean(d)², Eigen et al., NeurIPS 2014.

    Args:
        variance_focus: 0 (plain squared log error) … 1 (an image's scale does not matter).
        eps: metres; predictions are clamped below at it.
    """

    name = "silog"

    def __init__(self, variance_focus=0.85, eps=1e-3, **kwargs):
        super().__init__(**kwargs)
        if not 0 <= variance_focus <= 1:
            raise ValueError(f"ScaleInvariantLogLoss has variance_focus={variance_focus}, allowed is 0 to 1")
        if eps <= 0:
            raise ValueError(f"ScaleInvariantLogLoss has eps={eps}, it must be above 0")
        self.variance_focus = variance_focus
        self.eps = eps

    def compute(self, prediction, target):
        return scale_invariant_log(prediction, target, self.variance_focus, self.eps)
