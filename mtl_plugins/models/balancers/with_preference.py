from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor

from .gradient_balancer import GramianBalancer


class WithPreference(GramianBalancer):
    """Base class of methods with a share per task that do not weigh the heads.

    Args:
        tasks: Names of the model's tasks (set by the model).
        preference: The share of each task: one positive number per task, a dict or in the order of the tasks. With
            None, all are 1 / T.
        **kwargs: As for `GradientBalancer`.
    """

    heads_are_scaled = False

    def __init__(
        self, tasks: Sequence[str], *, preference: Sequence[float] | Mapping[str, float] | None = None, **kwargs: Any
    ):
        super().__init__(tasks, **kwargs)
        self.preference = self.preference_of(preference)

    def shares(self, tasks: tuple[str, ...]) -> Tensor | None:
        """The preference of the present tasks, with the sum of all; `None` means 1 / T."""
        if self.preference is None:
            return None
        present = self.preference.get(tasks)
        return present * self.preference.get(self.tasks).sum() / present.sum()
