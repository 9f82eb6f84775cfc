from collections.abc import Sequence

import torch
from torch import Tensor, nn

from .per_task import key_of


class LearnedScales(nn.Module):
    """One learned number per task, a parameter with the name of the task.

    Args:
        tasks: Names of the tasks.
        start: Initial value.
    """

    def __init__(self, tasks: Sequence[str], start: float = 0.0):
        super().__init__()
        for task in tasks:
            self.register_parameter(key_of(task), nn.Parameter(torch.tensor(float(start))))

    def forward(self, tasks: Sequence[str]) -> Tensor:
        """The numbers of some tasks (len(tasks),), float64 on the CPU, with gradients."""
        return torch.stack([self.get_parameter(key_of(task)).cpu().double() for task in tasks])
