from collections.abc import Sequence

import torch
from torch import Tensor, nn

from .per_task import PerTask


class EpochMeans(nn.Module):
    """The mean loss of each task over the steps of an epoch in which it has labels.

    Args:
        tasks: Names of the tasks.
    """

    def __init__(self, tasks: Sequence[str]):
        super().__init__()
        self.tasks = tuple(tasks)
        self.sums, self.counts = PerTask(tasks), PerTask(tasks)

    def add(self, tasks: Sequence[str], losses: Tensor) -> None:
        """Add the losses of a step. A step with a loss that is not finite is ignored.

        Args:
            tasks: The tasks with a label.
            losses: Their losses (T,).
        """
        if losses.isfinite().all():
            self.sums.set(tasks, self.sums.get(tasks) + losses)
            self.counts.set(tasks, self.counts.get(tasks) + 1)

    def finish(self) -> tuple[tuple[str, ...], Tensor]:
        """End the epoch.

        Returns:
            The tasks that had a label in it, and their means (T,).
        """
        counts = self.counts.get(self.tasks)
        chosen = [i for i, count in enumerate(counts.tolist()) if count > 0]
        means = self.sums.get(self.tasks)[chosen] / counts[chosen]
        for part in (self.sums, self.counts):
            part.set(self.tasks, torch.zeros_like(counts))
        return tuple(self.tasks[i] for i in chosen), means
