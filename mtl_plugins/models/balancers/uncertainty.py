from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from mtl_plugins.functional.balancing.uncertainty import imtl_l_objective, uncertainty_objective
from mtl_plugins.registry import MODELS

from .learned_scales import LearnedScales
from .loss_balancer import LossBalancer


@MODELS.register_module()
class UW(LossBalancer):
    """Uncertainty weighting: sum of `exp(-s) L / 2 + s / 2` with a learned `s` per task.

    Kendall et al., "Multi-Task Learning Using Uncertainty to Weigh Losses for Scene Geometry and Semantics", CVPR 2018.
    The weights are `exp(-s) / 2`. The optimizer of the training learns `s`, without weight decay. One backward pass.

    Agrees with LibMTL and TorchJD.

    Args:
        tasks: Names of the model's tasks (set by the model).
        start: Initial `s`: 0 in TorchJD, -0.5 in LibMTL.
        **kwargs: As for `Balancer`.
    """

    def __init__(self, tasks: Sequence[str], *, start: float = 0.0, **kwargs: Any):
        super().__init__(tasks, **kwargs)
        self.log_variances = LearnedScales(tasks, self.check_number("start", start))

    def objective(self, losses: dict[str, Tensor]) -> Tensor:
        """The sum over the present tasks, so that `s` of an absent task does not change."""
        return uncertainty_objective(torch.stack([*losses.values()]), self.log_variances(tuple(losses)))


@MODELS.register_module()
class IMTLL(LossBalancer):
    """The loss part of IMTL: sum of `exp(s) L - s` with a learned `s` per task.

    Liu et al., "Towards Impartial Multi-Task Learning", ICLR 2021. The weights are `exp(s)`. The optimizer of the
    training learns `s`, without weight decay. One backward pass. `IMTLG` is the gradient part.

    Agrees with LibMTL (the weights of the heads of its IMTL) and TorchJD.

    Args:
        tasks: Names of the model's tasks (set by the model).
        start: Initial `s`.
        **kwargs: As for `Balancer`.
    """

    def __init__(self, tasks: Sequence[str], *, start: float = 0.0, **kwargs: Any):
        super().__init__(tasks, **kwargs)
        self.log_scales = LearnedScales(tasks, self.check_number("start", start))

    def objective(self, losses: dict[str, Tensor]) -> Tensor:
        """The sum over the present tasks, so that `s` of an absent task does not change."""
        return imtl_l_objective(torch.stack([*losses.values()]), self.log_scales(tuple(losses)))
