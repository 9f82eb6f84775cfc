from mtl_plugins.functional.losses import kl_divergence
from mtl_plugins.registry import MODELS

from .base import DenseLoss


@MODELS.register_module()
class KLDivergenceLoss(DenseLoss):
    """Kullback-Leibler divergence of softened class probabilities from a teacher's, Hinton et al., 2015.

    Args:
        temperature: divides the logits of both; above 1 softens.
    """

    name = "kl"

    def __init__(self, temperature=1.0, **kwargs):
        super().__init__(**kwargs)
        if temperature <= 0:
            raise ValueError(f"KLDivergenceLoss has temperature={temperature}, it must be above 0 (1 to 4 is usual)")
        self.temperature = temperature

    def compute(self, prediction, target):
        if prediction.shape[1] == 1:
            raise ValueError(
                "KLDivergenceLoss compares probabilities of two classes or more, and this head has one channel: take "
                "dict(type='L1Loss') for values such as depth."
            )
        return kl_divergence(prediction, target, self.temperature)
