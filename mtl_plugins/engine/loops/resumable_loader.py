"""A data loader that starts anywhere in an epoch."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from mmengine.dataset import DefaultSampler, InfiniteSampler
from mmengine.dist import get_world_size
from torch.utils.data import DataLoader, Sampler, SequentialSampler

#: Where a training stands in its data; see `ResumableLoader.position`.
Position = dict[str, Any]


class ResumableLoader:
    """Batches of a data loader, from any position in an epoch.

    The position is a number of samples, of all processes together. Step by step, the processes draw the samples of an
    epoch in the order of the sampler. After `k` steps of `world_size` processes with `batch_size` samples each, the
    first `k * world_size * batch_size` samples were seen, so another number of processes or another batch size can
    continue with the rest: each sample of the epoch is seen once.

    A sampler with the attribute `start` (`SeededSampler`, `SeededInfiniteSampler`, `MultiDatasetSampler`) leaves these
    samples out itself. The indices of other samplers are drawn and dropped. In both cases no skipped sample is read.

    Args:
        loader: The data loader.
    """

    epoch: int
    """The current epoch, from 0. For endless samplers it stays 0."""
    samples: int
    """Samples of this epoch that were drawn, of all processes together."""

    def __init__(self, loader: DataLoader) -> None:
        self.loader = loader
        self.sampler: Any = getattr(loader.batch_sampler, "sampler", loader.sampler)
        self.world_size = get_world_size()
        self.batch_size: int = getattr(loader.batch_sampler, "batch_size", None) or loader.batch_size or 1
        self.epoch = self.samples = 0

    def __iter__(self) -> Iterator[Any]:
        """The batches from the position to the end of the epoch; the position moves to the next epoch at its end."""
        with_start = self._seek()
        batch_sampler: Any = self.loader.batch_sampler
        if not with_start and self.samples:
            batch_sampler.sampler = _Tail(self.sampler, self.samples // self.world_size)
        try:
            for batch in self.loader:
                self.samples += self.world_size * self.batch_size
                yield batch
        finally:
            if not with_start and self.samples:
                batch_sampler.sampler = self.sampler
        self.epoch, self.samples = self.epoch + 1, 0

    def _seek(self) -> bool:
        """Move the sampler to the position, if it can start anywhere."""
        if hasattr(self.sampler, "set_epoch"):
            self.sampler.set_epoch(self.epoch)
        if not hasattr(self.sampler, "start"):
            return False
        self.sampler.start = self.samples
        return True

    def batches_left(self) -> int:
        """Number of batches from the position to the end of the epoch."""
        if not self.samples:
            return len(self.loader)
        if self._seek():
            assert self.loader.batch_sampler is not None  # only loaders without automatic batches have none
            return sum(1 for _ in self.loader.batch_sampler)
        return max(len(self.loader) - self.samples // (self.world_size * self.batch_size), 0)

    def position(self) -> Position:
        """The position as plain values for a checkpoint."""
        position: Position = dict(
            epoch=self.epoch,
            samples=self.samples,
            world_size=self.world_size,
            batch_size=self.batch_size,
            dataset_size=_size(self.loader),
        )
        stretches: Sequence[Sequence[int]] | None = getattr(self.sampler, "stretches", None)
        return position if stretches is None else position | dict(stretches=[list(pair) for pair in stretches])

    def restore(self, position: Mapping[str, Any], seed: int | None) -> list[str]:
        """Continue at the position of a checkpoint.

        Args:
            position: The result of `position()` in the interrupted run.
            seed: The seed of the interrupted run.

        Returns:
            What differs from an uninterrupted run, as sentences for the log.
        """
        if seed is not None and hasattr(self.sampler, "seed"):
            self.sampler.seed = seed
        self.epoch, self.samples = position["epoch"], position["samples"]
        if "stretches" in position and hasattr(self.sampler, "continue_from"):
            self.sampler.continue_from(position["stretches"], self.epoch, self.samples)
        return list(self._differences(position))

    def same_step(self, position: Mapping[str, Any]) -> bool:
        """Whether a step of the interrupted run had as many processes and samples as a step of this one."""
        return (position["world_size"], position["batch_size"]) == (self.world_size, self.batch_size)

    def _differences(self, position: Mapping[str, Any]) -> Iterator[str]:
        size = position["dataset_size"]
        if size != _size(self.loader):
            yield (
                f"The training dataset has {_size(self.loader):,} samples; when the checkpoint was saved, it had "
                f"{size:,}. The rest of this epoch is drawn from a new order."
            )
        if not self.same_step(position):
            yield (
                f"A step now has {self.world_size} × {self.batch_size} samples (processes × batch size); when the "
                f"checkpoint was saved, it had {position['world_size']} × {position['batch_size']}. Each sample of the "
                "epoch is still seen once, but the weights will differ from those of an uninterrupted run. The "
                "learning rate is not scaled to the new batch."
            )
        if self.samples and not hasattr(self.sampler, "start"):
            name = type(self.sampler).__name__
            if not isinstance(self.sampler, DefaultSampler | InfiniteSampler | SequentialSampler):
                yield f"{name} may draw another order than before: use SeededSampler to resume exactly."
            elif position["world_size"] != self.world_size:
                yield (
                    f"{name} cannot continue an epoch with another number of processes: some samples of this epoch are "
                    "seen twice and others not at all. Use SeededSampler or SeededInfiniteSampler."
                )


class _Tail(Sampler):
    """The indices of a sampler without the first `skipped` ones."""

    def __init__(self, sampler: Sampler, skipped: int) -> None:
        self.sampler, self.skipped = sampler, skipped

    def __iter__(self) -> Iterator[Any]:
        return islice(self.sampler, self.skipped, None)

    def __len__(self) -> int:
        return len(self.sampler)  # type: ignore[arg-type]  # samplers of endless data have no length


def _size(loader: DataLoader) -> int:
    return len(loader.dataset)  # type: ignore[arg-type]  # mmengine's datasets have a length
