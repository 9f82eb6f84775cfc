from collections.abc import Sequence
from typing import Any, Literal

from torch import Tensor

from mtl_plugins.functional.balancing import cagrad_weights
from mtl_plugins.registry import MODELS

from .gradient_balancer import GramianBalancer


@MODELS.register_module()
class CAGrad(GramianBalancer):
    """CAGrad: near the mean gradient, the step with the largest decrease of the loss that decreases least.

    Liu et al., "Conflict-Averse Gradient Descent for Multi-task Learning", NeurIPS 2021. The weights sum to at least 1;
    they are larger for tasks with small gradients. The heads' gradients keep the factor 1.

    One backward pass through the trunk, about ten small quadratic programs. No state. A task whose gradient is 0 gets
    weight 0.

    The solution is exact. It agrees with TorchJD and LibMTL within the precision of their solvers (1e-4). TorchJD stops
    the training with gradients of very different sizes; this does not.

    Args:
        tasks: Names of the model's tasks (set by the model).
        c: The distance from the mean gradient, relative to its length. The paper uses 0.2 to 0.8.
        rescale: Divide the step by 1 (0), `1 + c^2` (1) or `1 + c` (2), to compensate for its length. LibMTL's default
            is 1, TorchJD's 0.
        **kwargs: As for `GradientBalancer`.

    Raises:
        ValueError: A value is not allowed.
    """

    heads_are_scaled = False

    def __init__(self, tasks: Sequence[str], *, c: float = 0.5, rescale: Literal[0, 1, 2] = 0, **kwargs: Any):
        super().__init__(tasks, **kwargs)
        self.c = self.check_number("c", c, least=0)
        self.rescale = self.check_choice("rescale", rescale, (0, 1, 2))

    def weights(self, gramian: Tensor, tasks: tuple[str, ...], losses: Tensor) -> Tensor:
        """The weights of the step."""
        return cagrad_weights(gramian, self.c, self.rescale)
