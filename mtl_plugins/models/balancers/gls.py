import torch
from torch import Tensor

from mtl_plugins.functional.balancing.geometric import geometric_objective
from mtl_plugins.registry import MODELS

from .loss_balancer import LossBalancer


@MODELS.register_module()
class GLS(LossBalancer):
    """Geometric loss strategy: the geometric mean `g` of the losses.

    Chennupati et al., "MultiNet++: Multi-Stream Feature Aggregation and Geometric Loss Strategy for Multi-Task
    Learning", CVPR workshops 2019. The weights are `g / (T L)`: the unit of a loss does not matter, but the step
    becomes small when any loss does. One backward pass, no state.

    Agrees with TorchJD, and with LibMTL's gradients; the weights that LibMTL reports are not those it applies.
    """

    def objective(self, losses: dict[str, Tensor]) -> Tensor:
        """The geometric mean of the losses above 0."""
        return geometric_objective(torch.stack([*losses.values()]))
