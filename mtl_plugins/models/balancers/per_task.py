from collections.abc import Sequence

import torch
from torch import Tensor, nn

_UNKNOWN = -1e30  # stands for NaN in the buffers: checkpoints with NaN are refused, because weights must be finite


class PerTask(nn.Module):
    """One tensor per task, as a buffer with the name of the task: state that is stored in checkpoints.

    Args:
        tasks: Names of the tasks.
        fill: Initial value. NaN marks values that are not known yet; `get` and `set` use it, too.
        shape: Shape of each tensor.
        dtype: Type of each tensor.
        persistent: Whether checkpoints contain the tensors. Not for what the config sets.
    """

    def __init__(
        self,
        tasks: Sequence[str],
        fill: float = 0.0,
        shape: Sequence[int] = (),
        dtype: torch.dtype = torch.float64,
        persistent: bool = True,
    ):
        super().__init__()
        self.tasks = tuple(tasks)
        for task in self.tasks:
            values = torch.full(tuple(shape), fill, dtype=dtype)
            self.register_buffer(key_of(task), _stored(values), persistent)

    def get(self, tasks: Sequence[str], device: torch.device | str = "cpu") -> Tensor:
        """The tensors of some tasks, (len(tasks), *shape).

        Args:
            tasks: Names of the tasks.
            device: Where the result is.
        """
        stored = torch.stack([self.get_buffer(key_of(task)).to(device) for task in tasks])
        return torch.where(stored <= _UNKNOWN, torch.nan, stored) if stored.is_floating_point() else stored

    def set(self, tasks: Sequence[str], values: Tensor) -> None:
        """Replace the tensors of some tasks.

        Args:
            tasks: Names of the tasks.
            values: (len(tasks), *shape).
        """
        for task, value in zip(tasks, values.detach(), strict=True):
            self.get_buffer(key_of(task)).copy_(_stored(value))


def _stored(values: Tensor) -> Tensor:
    return values.where(~values.isnan(), _UNKNOWN) if values.is_floating_point() and values.isnan().any() else values


def pair_names(tasks: Sequence[str]) -> list[str]:
    """Names of all ordered pairs of tasks, for a `PerTask` with one tensor per pair: row by row of a matrix."""
    return [f"{first}/{second}" for first in tasks for second in tasks]


def key_of(task: str) -> str:
    """The name of a task's buffer or parameter. The prefix keeps it apart from attributes of `nn.Module`."""
    return f"of_{task}"
