from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from mtl_plugins.functional.balancing.dwa import dwa_weights
from mtl_plugins.registry import MODELS

from .epoch_means import EpochMeans
from .loss_balancer import LossBalancer
from .per_task import PerTask


@MODELS.register_module()
class DWA(LossBalancer):
    """Dynamic weight average: higher weights for tasks whose loss fell slowly between the last two epochs.

    Liu et al., "End-to-End Multi-Task Learning with Attention", CVPR 2019. The weights are `T softmax(r /
    temperature)`, where `r` is the ratio of the mean losses of the last two epochs. Their sum is T, and they are 1 in
    the first two epochs. One backward pass.

    An epoch without a label of a task does not count for that task: its means stay.

    Agrees with LibMTL and TorchJD.

    Args:
        tasks: Names of the model's tasks (set by the model).
        temperature: A higher temperature brings the weights closer to 1.
        **kwargs: As for `Balancer`.
    """

    def __init__(self, tasks: Sequence[str], *, temperature: float = 2.0, **kwargs: Any):
        super().__init__(tasks, **kwargs)
        self.temperature = self.check_number("temperature", temperature, above=0)
        self.epoch = EpochMeans(tasks)
        self.mean_now, self.mean_before = PerTask(tasks), PerTask(tasks)

    def objective(self, losses: dict[str, Tensor]) -> Tensor:
        """The weighted sum."""
        tasks, values = tuple(losses), torch.stack([*losses.values()])
        self.epoch.add(tasks, values.detach())
        return (dwa_weights(self.mean_now.get(tasks), self.mean_before.get(tasks), self.temperature) * values).sum()

    def end_epoch(self) -> None:
        """Store the mean losses of the epoch."""
        tasks, means = self.epoch.finish()
        if tasks:
            self.mean_before.set(tasks, self.mean_now.get(tasks))
            self.mean_now.set(tasks, means)
