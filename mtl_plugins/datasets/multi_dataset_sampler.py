from collections.abc import Iterator, Mapping, Sequence
from itertools import cycle, islice

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

    start = 0
    """Samples of the epoch, of all processes together, that the next iteration leaves out."""
    stretches: list[tuple[int, int, int]]
    """(Epoch, start, chunk) of each part of the run. A chunk is the samples of one step of all processes (one per
    process without `batch_size`); the order of the samples depends on it. A run that was resumed with another number of
    processes or another batch size has several parts; each begins after `start` samples of its epoch."""

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
        self.weights = weights
        self.length = len(dataset) if length is None else length
        self.batch_size = batch_size
        self.chunk = self.world_size * (batch_size or 1)
        self.stretches = [(0, 0, self.chunk)]
        self.shuffle = shuffle
        self.seed = sync_random_seed() if seed is None else seed
        self.epoch = 0
        self.counts = self._counts(self.chunk)
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
        if unknown := sorted(set(weights) - set(self.sizes)):
            raise ValueError(
                f"MultiDatasetSampler: weights names {', '.join(map(repr, unknown))}, but the datasets are "
                f"{', '.join(map(repr, self.sizes))}."
            )
        if set(weights) != set(self.sizes) or min(weights.values()) < 0 or not any(weights.values()):
            raise ValueError(
                f"MultiDatasetSampler: weights={weights} must name each of the datasets {list(self.sizes)}, with "
                "non-negative numbers that are not all 0."
            )
        return {name: weights[name] for name in self.sizes}

    def set_epoch(self, epoch: int) -> None:
        """Set the epoch to draw; called by mmengine's `DistSamplerSeedHook`."""
        self.epoch = epoch

    def continue_from(self, stretches: Sequence[Sequence[int]], epoch: int, start: int) -> None:
        """Continue a run after `start` samples of `epoch`, which may have had another number of processes.

        An epoch that has begun keeps its samples; the following ones are planned for the present number of processes.

        Args:
            stretches: `stretches` of the sampler that was interrupted.
            epoch: The epoch in which it was interrupted.
            start: Samples of that epoch that were drawn, of all processes together.
        """
        self.stretches = [(first, after, chunk) for first, after, chunk in stretches if (first, after) < (epoch, start)]
        if not self.stretches or self.stretches[-1][2] != self.chunk:
            self.stretches.append((epoch if self.stretches else 0, start if self.stretches else 0, self.chunk))

    def __len__(self) -> int:
        return sum(self.counts.values()) // self.world_size

    def __iter__(self) -> Iterator[tuple[int, int]]:
        order = self._order(self._planned_chunks()[-1][1])
        for epoch, start, chunk in self.stretches:
            if epoch == self.epoch and start:
                order = order[:start] + self._chunked_again(order[start:], order, chunk)
        keys = order[self.start :]
        return ((index, draw_seed(self.seed, turn, index)) for index, turn in keys[self.rank :: self.world_size])

    def _counts(self, chunk: int) -> dict[str, int]:
        return _samples_per_dataset(self.weights, self.length, chunk)

    def _planned_chunks(self) -> list[tuple[int, int]]:
        """(First epoch, chunk) of the epochs up to the present one."""
        planned = [(epoch + (start > 0), chunk) for epoch, start, chunk in self.stretches]
        return [(first, chunk) for first, chunk in planned if first <= self.epoch]

    def _order(self, chunk: int) -> list[tuple[int, int]]:
        """(index, pass over its dataset) of the complete epoch, all processes together."""
        chunks: list[list[tuple[int, int]]] = []
        start = 0
        counts = self._counts(chunk)
        for number, (name, size) in enumerate(self.sizes.items()):
            drawn = self._draw(number, size, self._drawn_before(name), counts[name])
            keys = [(start + index, turn) for index, turn in drawn]
            chunks += [keys[k : k + chunk] for k in range(0, len(keys), chunk)]
            start += size
        if self.shuffle:
            chunks = [chunks[i] for i in self._permutation(len(chunks), "order", self.epoch)]
        return [key for part in chunks for key in part]

    def _drawn_before(self, name: str) -> int:
        """Samples of one dataset that all epochs before the present one have drawn."""
        planned = self._planned_chunks()
        ends = [*(first for first, _ in planned[1:]), self.epoch]
        return sum((end - first) * self._counts(chunk)[name] for (first, chunk), end in zip(planned, ends, strict=True))

    def _chunked_again(
        self, keys: list[tuple[int, int]], order: list[tuple[int, int]], chunk: int
    ) -> list[tuple[int, int]]:
        """The rest of an epoch in other chunks, each from one dataset if `batch_size` is set.

        The last chunk of a dataset is filled with its first samples of the epoch.
        """
        if self.batch_size is None:
            return keys + list(islice(cycle(order), -len(keys) % chunk))
        chunks: list[tuple[int, list[tuple[int, int]]]] = []
        end = 0
        for size in self.sizes.values():
            begin, end = end, end + size
            places = [place for place, (index, _) in enumerate(keys) if begin <= index < end]
            own = [keys[place] for place in places]
            own += islice(cycle([key for key in order if begin <= key[0] < end]), -len(own) % chunk)
            chunks += [(places[k], own[k : k + chunk]) for k in range(0, len(places), chunk)]
        return [key for _, part in sorted(chunks) for key in part]

    def _draw(self, number: int, size: int, first: int, count: int) -> list[tuple[int, int]]:
        """`count` pairs (sample, pass) of endless passes over one dataset, after the first `first` ones."""
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
