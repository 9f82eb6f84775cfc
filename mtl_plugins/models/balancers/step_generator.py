import torch
from torch import Tensor, nn


class StepGenerator(nn.Module):
    """Random numbers of a training step that are the same on all processes and after a resume.

    The seed is PyTorch's at construction. It is a buffer, so that checkpoints contain it and DDP copies it to all
    processes.
    """

    def __init__(self) -> None:
        super().__init__()
        self.seed: Tensor
        self.register_buffer("seed", torch.tensor(torch.initial_seed() % 2**31, dtype=torch.float64))  # exact

    def at(self, step: int, device: torch.device | str = "cpu") -> torch.Generator:
        """The generator of a step.

        Args:
            step: Number of the step.
            device: Where the numbers are drawn. Devices differ in the numbers.
        """
        return torch.Generator(device).manual_seed(int(self.seed) * 2**31 + step % 2**31)
