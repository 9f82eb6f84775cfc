from itertools import count, islice

import torch
from mmengine.dataset import DefaultSampler, InfiniteSampler

from mtl_plugins.registry import DATA_SAMPLERS

from .seeded_draw import draw_seed


@DATA_SAMPLERS.register_module()
class SeededSampler(DefaultSampler):
    """mmengine's ``DefaultSampler``, yielding ``(index, draw_seed)`` in place of ``index``.

    The dataset draws all augmentation of a sample from its ``draw_seed``, which follows from (seed, epoch,
    index): the same whatever the number of workers, another one each epoch, and none repeated after a resume.

    Args:
        dataset: anything with a length.
        shuffle (bool): a new order each epoch.
        seed (int): None: drawn, and shared among the processes. The Runner passes its own.
        round_up (bool): repeat some samples so that all processes have the same number.
    """

    def __iter__(self):
        return ((index, draw_seed(self.seed, self.epoch, index)) for index in super().__iter__())


@DATA_SAMPLERS.register_module()
class SeededInfiniteSampler(InfiniteSampler):
    """Passes over the dataset without end, for ``IterBasedTrainLoop``, yielding ``(index, draw_seed)``.

    The pass takes the epoch's part in the seed. Each ``iter()`` begins anew, so that a loop that skips the
    batches it has seen, as mmengine's does on resume, goes on exactly.

    Args:
        dataset: anything with a length.
        shuffle (bool): a new order each pass.
        seed (int): None: drawn, and shared among the processes. The Runner passes its own.
    """

    def __iter__(self):
        return islice(self._keys(), self.rank, None, self.world_size)

    def _keys(self):
        generator = torch.Generator()
        for number in count():
            order = range(self.size)
            if self.shuffle:
                order = torch.randperm(self.size, generator=generator.manual_seed(self.seed + number)).tolist()
            for index in order:
                yield index, draw_seed(self.seed, number, index)
