from collections.abc import Iterator, Sequence
from itertools import count, cycle, islice

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

    start = 0
    """Samples of the epoch, of all processes together, that the next iteration leaves out."""

    def __iter__(self) -> Iterator[tuple[int, int]]:
        order = self._order()
        keys = order[self.start :]
        if self.round_up:
            keys += islice(cycle(order), -len(keys) % self.world_size)
        return ((index, draw_seed(self.seed, self.epoch, index)) for index in keys[self.rank :: self.world_size])

    def _order(self) -> list[int]:
        if not self.shuffle:
            return list(range(len(self.dataset)))
        generator = torch.Generator().manual_seed(self.seed + self.epoch)
        return torch.randperm(len(self.dataset), generator=generator).tolist()


@DATA_SAMPLERS.register_module()
class SeededInfiniteSampler(InfiniteSampler):
    """Endless passes over the dataset for `IterBasedTrainLoop`; yields `(index, draw_seed)`.

    The number of the pass replaces the epoch in the seed. Each `iter()` starts again after `start` samples, so that a
    resumed run continues exactly without reading the samples that it has already seen.

    Args:
        dataset: Anything with a length.
        shuffle (bool): Whether to use a new order in each pass.
        seed (int): None: drawn at random and shared by all processes. The Runner passes its own seed.
    """

    start = 0
    """Samples, of all processes together, that the next iteration leaves out."""

    def __iter__(self) -> Iterator[tuple[int, int]]:
        return islice(self._keys(), self.rank, None, self.world_size)

    def _keys(self) -> Iterator[tuple[int, int]]:
        generator = torch.Generator()
        first, skipped = divmod(self.start, self.size)
        for number in count(first):
            order: Sequence[int] = range(self.size)
            if self.shuffle:
                order = torch.randperm(self.size, generator=generator.manual_seed(self.seed + number)).tolist()
            for index in order[skipped:]:
                yield index, draw_seed(self.seed, number, index)
            skipped = 0
