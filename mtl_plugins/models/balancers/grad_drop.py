from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from mtl_plugins.functional.balancing.grad_drop import grad_drop
from mtl_plugins.registry import MODELS

from .gradient_balancer import JacobianBalancer
from .per_task import PerTask
from .step_generator import StepGenerator


@MODELS.register_module()
class GradDrop(JacobianBalancer):
    """GradDrop: each coordinate of the gradient keeps only its positive or only its negative parts, at random.

    Chen et al., "Just Pick a Sign: Optimizing Deep Multitask Models with Gradient Sign Dropout", NeurIPS 2020. The
    probability of a sign is its share of the coordinate. The parts that are kept are summed. The heads' gradients keep
    the factor 1, as in the paper. One backward pass at the features.

    At the features, each coordinate is one value of one image. The paper sums over the batch before it draws, and
    multiplies by the signs of the features. The random numbers depend on the seed and the step.

    Agrees with TorchJD for the same random numbers.

    Args:
        tasks: Names of the model's tasks (set by the model).
        leak: Share of a task's gradient that is never dropped, 0 to 1, by task; 0 for the others.
        **kwargs: As for `GradientBalancer`.
    """

    heads_are_scaled = False

    def __init__(self, tasks: Sequence[str], *, leak: Mapping[str, float] | None = None, **kwargs: Any):
        super().__init__(tasks, **kwargs)
        given = self.check_by_task("leak", leak, zero=True)
        for task, value in given.items():
            self.check_number(f"leak[{task!r}]", value, most=1)
        self.leak = PerTask(tasks, persistent=False)
        self.leak.set(self.tasks, torch.tensor([given.get(task, 0.0) for task in self.tasks]))
        self.generator = StepGenerator()

    def combined(self, jacobian: Tensor, tasks: tuple[str, ...], losses: Tensor) -> tuple[Tensor, Tensor]:
        """The sum of what is kept, and weights of 1."""
        generator = self.generator.at(int(self.steps), jacobian.device)
        uniform = torch.rand(jacobian.shape[1], generator=generator, dtype=jacobian.dtype, device=jacobian.device)
        leak = self.leak.get(tasks)
        return grad_drop(jacobian, uniform, leak.to(jacobian) if leak.any() else 0.0), torch.ones_like(losses)
