from collections.abc import Mapping
from typing import NamedTuple

import torch
from mmengine.dist import all_reduce, get_world_size
from torch import Tensor


class TaskLosses(NamedTuple):
    """The losses of a training step.

    Attributes:
        local: Loss of each task on this process, also of tasks without labels (0), scaled so that the mean over the
            processes is the loss of the complete batch.
        present: The tasks with a label in the batch of at least one process.
        values: Losses of these tasks in the complete batch (T,) float64, without gradients.
        other: Sum of the losses that belong to no task; `None` if there are none.
    """

    local: dict[str, Tensor]
    present: tuple[str, ...]
    values: Tensor
    other: Tensor | None = None

    def of_present(self) -> list[Tensor]:
        """Losses of the present tasks on this process."""
        return [self.local[task] for task in self.present]

    def plus_other(self, total: Tensor) -> Tensor:
        """A total, and the losses that belong to no task."""
        return total if self.other is None else total + self.other


def gather_losses(
    labelled: Mapping[str, Tensor],
    counts: Mapping[str, int],
    soft: Mapping[str, Tensor],
    factors: Mapping[str, float],
    other: Tensor | None = None,
) -> TaskLosses:
    """Losses of the complete batch from those of one process.

    With several processes, the mean of the processes' losses is that of the complete batch only if each has the same
    number of labels. So each loss is multiplied by the process's share of the labels.

    Args:
        labelled: Loss of each task, mean over its labelled samples.
        counts: Number of these samples.
        soft: Losses against teachers' raw outputs, mean over the batch; tasks without one are missing.
        factors: Factor on the loss of single tasks.
        other: Sum of the losses that belong to no task.
    """
    tasks = list(labelled)
    number = torch.tensor([float(counts[task]) for task in tasks], dtype=torch.float64)
    has_soft = torch.tensor([float(task in soft) for task in tasks], dtype=torch.float64)
    share, world = torch.ones_like(number), get_world_size()
    if world > 1:
        table = torch.stack([number, has_soft])
        all_reduce(table)
        share = number * world / table[0].clamp(min=1)
        has_soft = table[1]
        number = table[0]
    local = {}
    for i, task in enumerate(tasks):
        loss = labelled[task] if world == 1 else labelled[task] * float(share[i])
        loss = loss + soft[task] if task in soft else loss
        local[task] = loss * factors[task] if task in factors else loss
    present = [i for i in range(len(tasks)) if number[i] > 0 or has_soft[i] > 0]
    found = [local[tasks[i]].detach().double() for i in present]
    values = torch.stack(found).cpu() if found else torch.zeros(0, dtype=torch.float64)  # one transfer from the device
    if world > 1:
        all_reduce(values, op="mean")
    return TaskLosses(local, tuple(tasks[i] for i in present), values, other)
