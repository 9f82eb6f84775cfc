from collections.abc import Iterator, Sequence
from itertools import count, islice

import torch
from mmengine.dataset import DefaultSampler, InfiniteSampler

from mtl_plugins.registry import DATA_SAMPLERS

from .seeded_draw import draw_seed


@DATA_SAMPLERS.register_module()
class SeededSampler(DefaultSampler):
    """mmengine's `DefaultSampler`, but yields `(index, draw_seed)` instead of `index`.

    The dataset draws all augmentation of a sample from its `draw_seed`, which depends only on (seed, epoch, index). It
    is the same for any number of workers, different in each epoch, and continues correctly after a resume.

    Args:
        dataset: Anything with a length.
        shuffle (bool): Whether to use a new order in each epoch.
        seed (int): None: drawn at random and shared by all processes. The Runner passes its own seed.
        round_up (bool): Whether to repeat some samples so that all processes have the same number.
    """

    def __iter__(self) -> Iterator[tuple[int, int]]:
        return ((index, draw_seed(self.seed, self.epoch, index)) for index in super().__iter__())


@DATA_SAMPLERS.register_module()
class SeededInfiniteSampler(InfiniteSampler):
    """Endless passes over the dataset for `IterBasedTrainLoop`; yields `(index, draw_seed)`.

    The number of the pass replaces the epoch in the seed. Each `iter()` starts from the beginning, so that a loop which
    skips the batches it has already seen (as mmengine's does on resume) continues exactly.

    Args:
        dataset: Anything with a length.
        shuffle (bool): Whether to use a new order in each pass.
        seed (int): None: drawn at random and shared by all processes. The Runner passes its own seed.
    """

    def __iter__(self) -> Iterator[tuple[int, int]]:
        return islice(self._keys(), self.rank, None, self.world_size)

    def _keys(self) -> Iterator[tuple[int, int]]:
        generator = torch.Generator()
        for number in count():
            order: Sequence[int] = range(self.size)
            if self.shuffle:
                order = torch.randperm(self.size, generator=generator.manual_seed(self.seed + number)).tolist()
            for index in order:
                yield index, draw_seed(self.seed, number, index)
