import torch
from mmengine.dist import get_dist_info, sync_random_seed
from torch.utils.data import Sampler

from mtl_plugins.registry import DATA_SAMPLERS

from .seeded_draw import draw_seed


@DATA_SAMPLERS.register_module()
class MultiDatasetSampler(Sampler):
    """Draws from the parts of a `MultiDataset` by weight; yields ``(index, draw_seed)`` as `SeededSampler` does.

    An epoch has ``length`` samples, and each dataset's share follows from its weight alone. Within a dataset no
    sample comes twice before all have come once, over the ends of epochs too. Everything follows from
    (seed, epoch), so a resumed run goes on exactly, and any number of processes share one epoch.

    Args:
        dataset (MultiDataset): what is drawn from.
        weights (dict): ``{name: weight}``, 0 leaves a dataset out; None: as large as each is.
        length (int): samples of an epoch, all processes together; None: as many as there are.
        batch_size (int): where given, the samples of a batch come from one dataset, so datasets may differ in image
            size; the dataloader's own ``batch_size``. Shares are then rounded to whole batches.
        shuffle (bool): another order each epoch.
        seed (int): None: drawn, and shared among the processes. The Runner passes its own.
    """

    def __init__(self, dataset, weights=None, length=None, batch_size=None, shuffle=True, seed=None):
        self.sizes = self._sizes(dataset)
        weights = self._checked_weights(weights)
        self.rank, self.world_size = get_dist_info()
        self.length = len(dataset) if length is None else length
        self.chunk = self.world_size * (batch_size or 1)
        self.shuffle = shuffle
        self.seed = sync_random_seed() if seed is None else seed
        self.epoch = 0
        self.counts = _shares(weights, self.length, self.chunk)
        if not any(self.counts.values()):
            raise ValueError(
                f"MultiDatasetSampler: length={self.length} gives no whole batch of {self.chunk} "
                f"({self.world_size} processes, batch_size={batch_size})."
            )

    @staticmethod
    def _sizes(dataset):
        if not hasattr(dataset, "sizes"):
            raise TypeError(f"MultiDatasetSampler is for a MultiDataset, not for {type(dataset).__name__}.")
        return dataset.sizes

    def _checked_weights(self, weights):
        weights = dict(self.sizes if weights is None else weights)
        if set(weights) != set(self.sizes) or min(weights.values()) < 0 or not any(weights.values()):
            raise ValueError(
                f"MultiDatasetSampler: weights={weights} must name each of the datasets {list(self.sizes)}, with "
                "numbers of 0 or more, not all 0."
            )
        return {name: weights[name] for name in self.sizes}

    def set_epoch(self, epoch):
        """The epoch to draw; mmengine's DistSamplerSeedHook calls it."""
        self.epoch = epoch

    def __len__(self):
        return sum(self.counts.values()) // self.world_size

    def __iter__(self):
        order = self._order()
        return ((index, draw_seed(self.seed, turn, index)) for index, turn in order[self.rank :: self.world_size])

    def _order(self):
        """(index, its dataset's pass) of the whole epoch, all processes together."""
        chunks, start = [], 0
        for number, (name, size) in enumerate(self.sizes.items()):
            drawn = self._drawn(number, size, self.counts[name])
            keys = [(start + index, turn) for index, turn in drawn]
            chunks += [keys[k : k + self.chunk] for k in range(0, len(keys), self.chunk)]
            start += size
        if self.shuffle:
            chunks = [chunks[i] for i in self._permutation(len(chunks), "order", self.epoch)]
        return [key for chunk in chunks for key in chunk]

    def _drawn(self, number, size, count):
        """``count`` (sample, pass) of the endless passes over one dataset, from where the last epoch ended."""
        first, drawn = self.epoch * count, []
        while len(drawn) < count:
            turn, at = divmod(first + len(drawn), size)
            order = self._permutation(size, f"dataset {number}", turn) if self.shuffle else range(size)
            drawn += [(index, turn) for index in order[at : at + count - len(drawn)]]
        return drawn

    def _permutation(self, length, what, number):
        generator = torch.Generator().manual_seed(draw_seed(self.seed, what, number))
        return torch.randperm(length, generator=generator).tolist()


def _shares(weights, length, chunk):
    """Samples of each dataset: whole chunks, together as near ``length`` as they come, by largest remainder."""
    total, chunks = sum(weights.values()), round(length / chunk)
    exact = {name: chunks * weight / total for name, weight in weights.items()}
    counts = {name: int(share) for name, share in exact.items()}
    missing = chunks - sum(counts.values())
    for name in sorted(exact, key=lambda name: counts[name] - exact[name])[:missing]:
        counts[name] += 1
    return {name: count * chunk for name, count in counts.items()}
