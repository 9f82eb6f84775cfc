from collections.abc import Sequence
from typing import Any

from torch import Tensor

from mtl_plugins.functional.balancing import NORMALISATIONS, Normalisation, mgda_weights
from mtl_plugins.registry import MODELS

from .gradient_balancer import GramianBalancer


@MODELS.register_module()
class MGDA(GramianBalancer):
    """MGDA: the shortest vector between the tasks' gradients, along which every loss decreases.

    Désidéri, "Multiple-gradient descent algorithm (MGDA) for multiobjective optimization", Comptes Rendus Mathematique
    2012; Sener and Koltun, "Multi-Task Learning as Multi-Objective Optimization", NeurIPS 2018. At the features it is
    their MGDA-UB. The weights sum to 1. The task with the smallest gradient dominates; `normalisation` prevents that.
    The heads' gradients keep the factor 1.

    One backward pass through the trunk. No state. A task whose gradient is 0 gets weight 0; in the definition it stops
    the training.

    The weights are the exact solution; TorchJD's and LibMTL's iterations stop up to 0.04 before it. With a
    normalisation LibMTL also multiplies the normalised gradients by the weights. Here they multiply the gradients, as
    in the paper.

    Args:
        tasks: Names of the model's tasks (set by the model).
        normalisation: What the gradients are divided by to find the weights: `"none"`, `"l2"` (their norms), `"loss"`
            or `"loss+"` (the product of both).
        **kwargs: As for `GradientBalancer`.

    Raises:
        ValueError: The normalisation is unknown.
    """

    heads_are_scaled = False

    def __init__(self, tasks: Sequence[str], *, normalisation: Normalisation = "none", **kwargs: Any):
        super().__init__(tasks, **kwargs)
        self.normalisation = self.check_choice("normalisation", normalisation, NORMALISATIONS)

    def weights(self, gramian: Tensor, tasks: tuple[str, ...], losses: Tensor) -> Tensor:
        """The weights of the step."""
        return mgda_weights(gramian, losses, self.normalisation)
