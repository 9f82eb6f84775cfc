from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from mtl_plugins.functional.balancing.scalarize import cosmos_objective, pbi_objective
from mtl_plugins.registry import MODELS

from .loss_balancer import LossBalancer


@MODELS.register_module()
class COSMOS(LossBalancer):
    """The losses weighted by a preference `p`, minus a multiple of their cosine with it: `p . L - penalty cos(p, L)`.

    Ruchte and Grabocka, "Scalable Pareto Front Approximation for Deep Multi-Objective Learning", ICDM 2021; the
    objective only, not the network that reads the preference. A weight can be negative for a task whose loss is already
    smaller than its preference. One backward pass, no state. The preference of the present tasks keeps its sum.

    Agrees with TorchJD.

    Args:
        tasks: Names of the model's tasks (set by the model).
        preference: One positive number per task, a dict or in the order of the tasks. With None, all are 1 / T.
        penalty: Factor of the cosine. The paper uses 0.01 to 8.
        **kwargs: As for `Balancer`.
    """

    def __init__(
        self,
        tasks: Sequence[str],
        *,
        preference: Sequence[float] | Mapping[str, float] | None = None,
        penalty: float = 1.0,
        **kwargs: Any,
    ):
        super().__init__(tasks, **kwargs)
        self.penalty = self.check_number("penalty", penalty, least=0)
        equal = [1 / len(self.tasks)] * len(self.tasks)
        self.preference = self.preference_of(equal if preference is None else preference)

    def objective(self, losses: dict[str, Tensor]) -> Tensor:
        """The objective of the present tasks."""
        assert self.preference is not None
        every, present = self.preference.get(self.tasks), self.preference.get(tuple(losses))
        return cosmos_objective(torch.stack([*losses.values()]), present * every.sum() / present.sum(), self.penalty)


@MODELS.register_module()
class PBI(LossBalancer):
    """Penalty-based boundary intersection: how far the losses are along a preference, and how far from its direction.

    Zhang and Li, "MOEA/D: A Multiobjective Evolutionary Algorithm Based on Decomposition", IEEE Transactions on
    Evolutionary Computation 2007. The losses are led to the ratio of the preference. A weight can be negative for a
    task whose loss is already smaller. One backward pass, no state.

    Agrees with TorchJD.

    Args:
        tasks: Names of the model's tasks (set by the model).
        preference: The ratio of the losses: one positive number per task, a dict or in the order of the tasks. With
            None, all are equal.
        penalty: Factor of the distance from the direction.
        reference: The ideal point, the same for all tasks.
        **kwargs: As for `Balancer`.
    """

    def __init__(
        self,
        tasks: Sequence[str],
        *,
        preference: Sequence[float] | Mapping[str, float] | None = None,
        penalty: float = 5.0,
        reference: float = 0.0,
        **kwargs: Any,
    ):
        super().__init__(tasks, **kwargs)
        self.penalty = self.check_number("penalty", penalty, least=0)
        self.reference = self.check_number("reference", reference)
        equal = [1.0] * len(self.tasks)
        self.preference = self.preference_of(equal if preference is None else preference)

    def objective(self, losses: dict[str, Tensor]) -> Tensor:
        """The objective of the present tasks."""
        assert self.preference is not None
        values = torch.stack([*losses.values()])
        return pbi_objective(values, self.preference.get(tuple(losses)), self.penalty, self.reference)
