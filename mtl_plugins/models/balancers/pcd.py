from collections.abc import Sequence
from typing import Any

from torch import Tensor

from mtl_plugins.did_you_mean import did_you_mean
from mtl_plugins.functional.balancing import pcd_weights
from mtl_plugins.registry import MODELS

from .gradient_balancer import GramianBalancer
from .per_task import PerTask


@MODELS.register_module()
class PCD(GramianBalancer):
    """Priority-constrained descent: follows the gradient of one task, and guarantees progress for the others.

    "Not All Objectives Are Born Equal: Priority-Constrained Descent for Hierarchical Multi-Objective Optimization",
    TMLR 2026. Each other task gets at least the share `tau` of the progress of a step along its own gradient. The step
    is as long as the primary gradient. If the conditions contradict each other, it is the primary gradient. The heads'
    gradients keep the factor 1.

    One backward pass through the trunk. The state is the mean squared norm of each task's gradient. In a step without
    labels of the primary task, or with a gradient of 0, the next task in the order of the model is the primary one.

    Agrees with TorchJD.

    Args:
        tasks: Names of the model's tasks (set by the model).
        primary: The most important task; by default the first one.
        tau: The share of progress of the others, 0 to 1.
        beta: The decay of the mean squared norms.
        **kwargs: As for `GradientBalancer`.

    Raises:
        ValueError: A value is not allowed, or the task is unknown.
    """

    heads_are_scaled = False

    def __init__(
        self,
        tasks: Sequence[str],
        *,
        primary: str | None = None,
        tau: float = 0.02,
        beta: float = 0.999,
        **kwargs: Any,
    ):
        super().__init__(tasks, **kwargs)
        if primary is not None and primary not in self.tasks:
            raise ValueError(
                f"PCD: primary={primary!r} is not a task: {did_you_mean(str(primary), self.tasks)}"
                f"The tasks are {', '.join(self.tasks)}."
            )
        self.primary = self.tasks[0] if primary is None else primary
        self.tau = self.check_number("tau", tau, least=0, most=1)
        self.beta = self.check_number("beta", beta, least=0, below=1)
        self.averages, self.counts = PerTask(tasks), PerTask(tasks)

    def weights(self, gramian: Tensor, tasks: tuple[str, ...], losses: Tensor) -> Tensor:
        """The weights of the step."""
        reached = (gramian.diagonal() > 0).tolist()
        order = sorted(range(len(tasks)), key=lambda i: (not reached[i], tasks[i] != self.primary, i))
        ordered = [tasks[i] for i in order]
        steps = self.counts.get(ordered) + 1
        weights, averages = pcd_weights(
            gramian[order][:, order], self.averages.get(ordered), steps, self.tau, self.beta
        )
        self.averages.set(ordered, averages)
        self.counts.set(ordered, steps)
        return weights.new_zeros(len(tasks)).index_copy(0, weights.new_tensor(order).long(), weights)
