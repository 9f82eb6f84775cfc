from torch import Tensor

from mtl_plugins.functional.balancing import config_weights, imtl_g_weights
from mtl_plugins.registry import MODELS

from .gradient_balancer import GramianBalancer


@MODELS.register_module()
class IMTLG(GramianBalancer):
    """IMTL-G: the step has equal projections on all tasks' gradients, whatever their sizes.

    Liu et al., "Towards Impartial Multi-task Learning", ICLR 2021, the gradient part; `IMTLL` is the loss part. The
    weights sum to 1; a task with small gradients has a large one, and weights can be negative. The heads' gradients
    keep the factor 1.

    One backward pass through the trunk. No state. A task whose gradient is 0 gets weight 0.

    Agrees with TorchJD and LibMTL. Where negative weights would make the step arbitrarily long or ascending, it is at
    most as long as the longest gradient in each projection.

    Args:
        tasks: Names of the model's tasks (set by the model).
        **kwargs: As for `GradientBalancer`.
    """

    heads_are_scaled = False

    def weights(self, gramian: Tensor, tasks: tuple[str, ...], losses: Tensor) -> Tensor:
        """The weights of the step."""
        return imtl_g_weights(gramian)


@MODELS.register_module()
class ConFIG(GramianBalancer):
    """ConFIG: the step has equal cosines with all tasks' gradients, and the length of their summed projections.

    Liu et al., "ConFIG: Towards Conflict-free Training of Physics Informed Neural Networks", ICLR 2025. The direction
    is that of `IMTLG`; the step is longer, up to the sum of the gradients where they agree, and short where they
    conflict. Weights can be negative. The heads' gradients keep the factor 1.

    One backward pass through the trunk. No state. A task whose gradient is 0 gets weight 0.

    Agrees with TorchJD.

    Args:
        tasks: Names of the model's tasks (set by the model).
        **kwargs: As for `GradientBalancer`.
    """

    heads_are_scaled = False

    def weights(self, gramian: Tensor, tasks: tuple[str, ...], losses: Tensor) -> Tensor:
        """The weights of the step."""
        return config_weights(gramian)
