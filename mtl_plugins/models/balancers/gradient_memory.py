from abc import abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from .gradient_balancer import JacobianBalancer, shared_parameters
from .per_task import PerTask

if TYPE_CHECKING:
    from ..multi_task_model import MultiTaskModel


class GradientMemory(JacobianBalancer):
    """Base class of balancers that store one gradient per task, at the trunk's parameters.

    The memory takes as much space as the trunk's trainable parameters, times the number of tasks, and is in
    checkpoints. A step has one backward pass per task. A subclass implements `step`.
    """

    places = ("parameters",)
    complete_rows = True

    def __init__(self, tasks: Sequence[str], **kwargs: Any):
        super().__init__(tasks, **kwargs)
        self.memory = PerTask(tasks, shape=(0,), dtype=torch.float32)

    def attach(self, model: "MultiTaskModel") -> None:
        """Create the memory."""
        length = sum(parameter.numel() for parameter in shared_parameters(model)) if len(self.tasks) > 1 else 0
        self.memory = PerTask(self.tasks, shape=(length,), dtype=torch.float32)

    @abstractmethod
    def step(self, jacobian: Tensor, memory: Tensor, tasks: tuple[str, ...], losses: Tensor) -> tuple[Tensor, ...]:
        """Combine the gradients.

        Args:
            jacobian: Gradients of the tasks with a label (T, D).
            memory: What is stored for them (T, D).
            tasks: Their names.
            losses: Their losses (T,), float64, on the CPU.

        Returns:
            The combined gradient (D,), the weights of the heads (T,), and what is stored now (T, D).
        """

    def combined(self, jacobian: Tensor, tasks: tuple[str, ...], losses: Tensor) -> tuple[Tensor, Tensor]:
        """The combined gradient and the weights of the heads.

        Raises:
            ValueError: The number of trainable parameters has changed.
        """
        memory = self.memory.get(tasks, jacobian.device).to(jacobian)
        if memory.shape != jacobian.shape:
            raise ValueError(
                f"{type(self).__name__} stores gradients of {memory.shape[1]} numbers, but the backbone and the neck "
                f"have {jacobian.shape[1]} trainable parameters now: freeze layers when the model is built."
            )
        direction, weights, memory = self.step(jacobian, memory, tasks, losses)
        self.memory.set(tasks, memory)
        return direction, weights
