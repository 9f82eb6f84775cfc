from collections.abc import Iterator, Mapping, Sequence

import torch
from mmengine.dist import get_dist_info, sync_random_seed
from torch.utils.data import Sampler

from mtl_plugins.registry import DATA_SAMPLERS

from .multi_dataset import MultiDataset
from .seeded_draw import draw_seed


@DATA_SAMPLERS.register_module()
class MultiDatasetSampler(Sampler):
    """Draws from the datasets of a `MultiDataset` by weight; yields `(index, draw_seed)` like `SeededSampler`.

    An epoch has `length` samples; the share of each dataset depends only on its weight. Within a dataset, no sample
    repeats before all samples were drawn once, even across epochs. Everything depends only on (seed, epoch), so that a
    resumed run continues exactly and any number of processes shares one epoch.

    Args:
        dataset: The dataset to draw from.
        weights: `{name: weight}`; 0 leaves a dataset out. None: proportional to the sizes.
        length: Samples per epoch of all processes together. None: the number of samples.
        batch_size: If set, all samples of a batch come from one dataset, so that datasets may differ in image size.
            Must equal the `batch_size` of the dataloader. Shares are then rounded to complete batches.
        shuffle: Whether to use a new order in each epoch.
        seed: None: drawn at random and shared by all processes. The Runner passes its own seed.
    """

    def __init__(
        self,
        dataset: MultiDataset,
        weights: Mapping[str, float] | None = None,
        length: int | None = None,
        batch_size: int | None = None,
        shuffle: bool = True,
        seed: int | None = None,
    ):
        self.sizes = self._sizes(dataset)
        weights = self._check_weights(weights)
        self.rank, self.world_size = get_dist_info()
        self.length = len(dataset) if length is None else length
        self.chunk = self.world_size * (batch_size or 1)
        self.shuffle = shuffle
        self.seed = sync_random_seed() if seed is None else seed
        self.epoch = 0
        self.counts = _samples_per_dataset(weights, self.length, self.chunk)
        if not any(self.counts.values()):
            raise ValueError(
                f"MultiDatasetSampler: length={self.length} is too short for one batch of {self.chunk} samples "
                f"({self.world_size} processes, batch_size={batch_size})."
            )

    @staticmethod
    def _sizes(dataset: MultiDataset) -> dict[str, int]:
        if not hasattr(dataset, "sizes"):
            raise TypeError(f"MultiDatasetSampler expects a MultiDataset, but got {type(dataset).__name__}.")
        return dataset.sizes

    def _check_weights(self, weights: Mapping[str, float] | None) -> dict[str, float]:
        weights = dict(self.sizes if weights is None else weights)
        if set(weights) != set(self.sizes) or min(weights.values()) < 0 or not any(weights.values()):
            raise ValueError(
                f"MultiDatasetSampler: weights={weights} must name each of the datasets {list(self.sizes)}, with "
                "non-negative numbers that are not all 0."
            )
        return {name: weights[name] for name in self.sizes}

    def set_epoch(self, epoch: int) -> None:
        """Set the epoch to draw; called by mmengine's `DistSamplerSeedHook`."""
        self.epoch = epoch

    def __len__(self) -> int:
        return sum(self.counts.values()) // self.world_size

    def __iter__(self) -> Iterator[tuple[int, int]]:
        order = self._order()
        return ((index, draw_seed(self.seed, turn, index)) for index, turn in order[self.rank :: self.world_size])

    def _order(self) -> list[tuple[int, int]]:
        """(index, pass over its dataset) of the complete epoch, all processes together."""
        chunks: list[list[tuple[int, int]]] = []
        start = 0
        for number, (name, size) in enumerate(self.sizes.items()):
            drawn = self._draw(number, size, self.counts[name])
            keys = [(start + index, turn) for index, turn in drawn]
            chunks += [keys[k : k + self.chunk] for k in range(0, len(keys), self.chunk)]
            start += size
        if self.shuffle:
            chunks = [chunks[i] for i in self._permutation(len(chunks), "order", self.epoch)]
        return [key for chunk in chunks for key in chunk]

    def _draw(self, number: int, size: int, count: int) -> list[tuple[int, int]]:
        """`count` pairs (sample, pass) from endless passes over one dataset, starting where the last epoch ended."""
        first = self.epoch * count
        drawn: list[tuple[int, int]] = []
        while len(drawn) < count:
            turn, at = divmod(first + len(drawn), size)
            order: Sequence[int] = self._permutation(size, f"dataset {number}", turn) if self.shuffle else range(size)
            drawn += [(index, turn) for index in order[at : at + count - len(drawn)]]
        return drawn

    def _permutation(self, length: int, what: str, number: int) -> list[int]:
        generator = torch.Generator().manual_seed(draw_seed(self.seed, what, number))
        return torch.randperm(length, generator=generator).tolist()


def _samples_per_dataset(weights: Mapping[str, float], length: int, chunk: int) -> dict[str, int]:
    """Samples of each dataset, in complete chunks, with a sum as near to `length` as possible (largest remainder)."""
    total, chunks = sum(weights.values()), round(length / chunk)
    exact = {name: chunks * weight / total for name, weight in weights.items()}
    counts = {name: int(share) for name, share in exact.items()}
    missing = chunks - sum(counts.values())
    for name in sorted(exact, key=lambda name: counts[name] - exact[name])[:missing]:
        counts[name] += 1
    return {name: count * chunk for name, count in counts.items()}
