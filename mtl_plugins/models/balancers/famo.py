from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from mtl_plugins.functional.balancing.famo import FamoState, famo_objective, famo_update
from mtl_plugins.registry import MODELS

from .loss_balancer import LossBalancer
from .per_task import PerTask


@MODELS.register_module()
class FAMO(LossBalancer):
    """FAMO: lets all losses fall at the same rate, without gradients of the tasks.

    Liu et al., "FAMO: Fast Adaptive Multitask Optimization", NeurIPS 2023. The objective is `c sum z log L` with `z =
    softmax(w)`. The weights are proportional to `z / L` and sum to 1. `w` follows how much each loss fell in a step,
    with an Adam of its own. One backward pass.

    The paper compares the losses before and after a step on the same batch, which needs a second forward pass. Here a
    loss is compared with that of the next batch. The noise of the batches cancels over time, because each loss is the
    end of one comparison and the start of the next. `w` of a task changes only if this batch and the last one have
    labels of it and of another task.

    The objective and the update of `w` agree with LibMTL and TorchJD.

    Args:
        tasks: Names of the model's tasks (set by the model).
        lr: Learning rate of `w`.
        decay: L2 penalty on `w`: 1e-3 in LibMTL and TorchJD, 1e-5 in the authors' code.
        **kwargs: As for `Balancer`.
    """

    def __init__(self, tasks: Sequence[str], *, lr: float = 0.025, decay: float = 1e-3, **kwargs: Any):
        super().__init__(tasks, **kwargs)
        self.lr = self.check_number("lr", lr, above=0)
        self.decay = self.check_number("decay", decay, least=0)
        self.logits, self.means, self.squares, self.updates = (PerTask(tasks) for _ in FamoState._fields)
        self.last_losses, self.last_steps = PerTask(tasks), PerTask(tasks, fill=-1.0)

    def objective(self, losses: dict[str, Tensor]) -> Tensor:
        """FAMO's objective, after an update with the losses of the last step."""
        tasks, values = tuple(losses), torch.stack([*losses.values()])
        if values.isfinite().all():
            self._compare(tasks, values.detach())
        return famo_objective(values, self.logits.get(tasks))

    def _compare(self, tasks, values):
        """Update `w` of the tasks that the last step had, too, and store the losses."""
        both = (self.last_steps.get(tasks) == int(self.steps) - 1).tolist()
        chosen = [i for i, repeated in enumerate(both) if repeated]
        if len(chosen) > 1:
            repeated = tuple(tasks[i] for i in chosen)
            parts = (self.logits, self.means, self.squares, self.updates)
            state = FamoState(*(part.get(repeated) for part in parts))
            state = famo_update(self.last_losses.get(repeated), values[chosen], state, self.lr, self.decay)
            for part, new in zip(parts, state, strict=True):
                part.set(repeated, new)
        self.last_losses.set(tasks, values)
        self.last_steps.set(tasks, torch.full_like(values, int(self.steps)))
