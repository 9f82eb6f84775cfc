from torch import Tensor

from mtl_plugins.registry import MODELS

from .loss_balancer import LossBalancer


@MODELS.register_module()
class Equal(LossBalancer):
    """The sum of the losses: the objective of a model without balancer. It logs what the others log.

    `task_weights` gives fixed weights.
    """

    def objective(self, losses: dict[str, Tensor]) -> Tensor:
        """The sum of the losses."""
        return sum(losses.values())  # type: ignore[return-value]
