"""Random numbers that depend on (seed, rank, iteration) only, so that a resumed run repeats them exactly."""

import random

import numpy as np
import torch
from mmengine.hooks import Hook
from mmengine.runner import Runner

from mtl_plugins.registry import HOOKS
from mtl_plugins.unwrap_model import unwrap_model

_MASK = 2**64 - 1


def mix_seed(*values: int) -> int:
    """Mix integers into one 64-bit seed, by SplitMix64 (Steele et al., OOPSLA 2014).

    Similar inputs give unrelated seeds.
    """
    state = 0
    for value in values:
        state = (state + value + 0x9E3779B97F4A7C15) & _MASK
        state = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
        state = ((state ^ (state >> 27)) * 0x94D049BB133111EB) & _MASK
        state ^= state >> 31
    return state


@HOOKS.register_module()
class SeedIterationHook(Hook):
    """Seeds PyTorch, NumPy and Python before each training iteration from (seed of the run, rank, iteration).

    Dropout and drop path then need no generator state in the checkpoint. The beginning of each epoch is seeded too,
    because the `DataLoader` draws the seed of its workers there.
    """

    priority = "VERY_HIGH"
    _on_accelerator = False

    def before_train(self, runner: Runner) -> None:
        """Find out whether an accelerator has to be seeded too."""
        model = unwrap_model(runner.model)
        self._on_accelerator = any(parameter.device.type != "cpu" for parameter in model.parameters())

    def before_train_epoch(self, runner: Runner) -> None:
        """Seed the start of an epoch."""
        # a run that continues in the middle of an epoch starts it with the same seed
        first = getattr(runner.train_loop, "first_iter", runner.iter)
        self._seed(mix_seed(runner.seed, runner.rank, first, 1))

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: dict | None = None) -> None:
        """Seed an iteration."""
        self._seed(mix_seed(runner.seed, runner.rank, runner.iter, 0))

    def _seed(self, seed: int) -> None:
        if self._on_accelerator:
            torch.manual_seed(seed)
        else:  # torch.manual_seed would record a stack trace for uninitialised CUDA, which is slow
            torch.default_generator.manual_seed(seed)
        np.random.seed(seed % 2**32)
        random.seed(seed)
