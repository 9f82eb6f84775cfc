from typing import Any

from torch import Tensor

from mtl_plugins.functional.losses import kl_divergence
from mtl_plugins.registry import MODELS

from .base import DenseLoss


@MODELS.register_module()
class KLDivergenceLoss(DenseLoss):
    """Kullback-Leibler divergence of softened class probabilities from a teacher's, Hinton et al., 2015.

    Args:
        temperature: Divisor of both logits; above 1 it softens the probabilities.
        **kwargs: As for `DenseLoss`.

    Raises:
        ValueError: The temperature is not positive, or the prediction has one channel.
    """

    name = "kl"

    def __init__(self, temperature: float = 1.0, **kwargs: Any):
        super().__init__(**kwargs)
        if temperature <= 0:
            raise ValueError(f"KLDivergenceLoss: temperature={temperature} must be positive (1 to 4 is common)")
        self.temperature = temperature

    def compute(self, prediction: Tensor, target: Tensor) -> Tensor:
        if prediction.shape[1] == 1:
            raise ValueError(
                "KLDivergenceLoss compares probabilities of two or more classes, but this head has one channel: use "
                "dict(type='L1Loss') for values such as depth."
            )
        return kl_divergence(prediction, target, self.temperature)
