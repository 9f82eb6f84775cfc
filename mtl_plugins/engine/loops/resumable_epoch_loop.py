"""An epoch-based training loop that continues in the middle of an epoch."""

from collections.abc import Mapping
from typing import Any

from mmengine.runner import EpochBasedTrainLoop

from mtl_plugins.registry import LOOPS

from .resumable_loader import Position, ResumableLoader


@LOOPS.register_module()
class ResumableEpochLoop(EpochBasedTrainLoop):
    """mmengine's `EpochBasedTrainLoop`, which can stop after any step and continue there.

    `MultiTaskRunner` uses it for `train_cfg=dict(by_epoch=True)`.

    Args:
        *args: As for `EpochBasedTrainLoop`.
        **kwargs: As for `EpochBasedTrainLoop`.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.data = ResumableLoader(self.dataloader)

    @property
    def first_iter(self) -> int:
        """The iteration with which the current epoch began."""
        return self._epoch * len(self.dataloader)

    @property
    def within_epoch(self) -> bool:
        """Whether some samples of the current epoch were already seen."""
        return self.data.samples > 0

    def run_epoch(self) -> None:
        """Run the rest of the current epoch."""
        self.runner.call_hook("before_train_epoch")
        self.runner.model.train()
        self.data.epoch = self._epoch
        for index, batch in enumerate(self.data, start=self._batches_done()):
            self.run_iter(index, batch)
        self.runner.call_hook("after_train_epoch")
        self._epoch += 1

    def position(self) -> Position:
        """The position in the data, for a checkpoint."""
        return self.data.position()

    def restore(self, epoch: int, iteration: int, position: Mapping[str, Any] | None, seed: int | None) -> list[str]:
        """Continue a run.

        Args:
            epoch: Number of complete epochs.
            iteration: Number of steps.
            position: `position()` of the interrupted run. None, as for checkpoints of mmengine: the epoch begins.
            seed: The seed of the interrupted run.

        Returns:
            What differs from an uninterrupted run, as sentences for the log.
        """
        self._epoch, self._iter = epoch, iteration
        if position is None:
            return self.data.restore(self.data.position() | dict(epoch=epoch, samples=0), seed)
        differences = self.data.restore(position, seed)
        if self.data.epoch != epoch:  # a run that was saved between two epochs
            self.data.epoch, self.data.samples = epoch, 0
        steps = self.first_iter + self._batches_done()
        if not self.data.same_step(position):
            self._iter = steps  # iterations count steps of the present size
        elif steps != iteration and not differences:
            differences.append(
                f"The checkpoint is inconsistent: {iteration} steps, but {epoch} epochs and {position['samples']} "
                f"samples are {steps} steps. The run continues with these samples; check it, or use another checkpoint."
            )
        return differences

    def _batches_done(self) -> int:
        # a MultiDatasetSampler may fill up the rest of an epoch, which can then be longer than usual
        return max(len(self.dataloader) - self.data.batches_left(), 0)
