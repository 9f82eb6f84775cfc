"""An iteration-based training loop that continues without reading the data of past iterations."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mmengine.dataset import InfiniteSampler
from mmengine.runner import IterBasedTrainLoop, Runner
from mmengine.runner.base_loop import BaseLoop
from mmengine.runner.utils import calc_dynamic_intervals
from torch import nn
from torch.utils.data import DataLoader

from mtl_plugins.registry import LOOPS

from .resumable_loader import Position, ResumableLoader


@LOOPS.register_module()
class ResumableIterLoop(IterBasedTrainLoop):
    """mmengine's `IterBasedTrainLoop`, which continues a run without reading the data of past iterations.

    A finite sampler starts again whenever it ends. `MultiTaskRunner` uses this loop for
    `train_cfg=dict(by_epoch=False)`.

    Args:
        runner: The runner.
        dataloader: The data loader or its config.
        max_iters: Number of iterations.
        val_begin: The first iteration after which to validate.
        val_interval: Iterations between two validations.
        dynamic_intervals: Pairs (iteration, validation interval from then on).
    """

    first_iter = 0
    """The iteration with which the run began."""

    def __init__(
        self,
        runner: Runner,
        dataloader: DataLoader | dict,
        max_iters: int,
        val_begin: int = 1,
        val_interval: int = 1000,
        dynamic_intervals: list[tuple[int, int]] | None = None,
    ) -> None:
        # mmengine's constructor starts the workers, which would read the samples of the first iteration
        BaseLoop.__init__(self, runner, dataloader)
        if int(max_iters) != max_iters:
            raise ValueError(f"train_cfg.max_iters must be an integer, but is {max_iters}.")
        self._max_iters, self._max_epochs = int(max_iters), 1
        self._epoch = self._iter = 0
        self.val_begin, self.val_interval = val_begin, val_interval
        self.stop_training = False
        runner.visualizer.dataset_meta = getattr(self.dataloader.dataset, "metainfo", None)
        self.dynamic_milestones, self.dynamic_intervals = calc_dynamic_intervals(val_interval, dynamic_intervals)
        self.data = ResumableLoader(self.dataloader)

    def run(self) -> nn.Module:
        """Train."""
        runner = self.runner
        runner.call_hook("before_train")
        runner.call_hook("before_train_epoch")
        batches = self._batches()
        while self._iter < self._max_iters and not self.stop_training:
            runner.model.train()
            self.run_iter(next(batches))
            self._decide_current_val_interval()
            if self._validates():
                runner.val_loop.run()
        runner.call_hook("after_train_epoch")
        runner.call_hook("after_train")
        return runner.model

    def _batches(self) -> Iterator[Sequence[dict]]:
        while len(self.dataloader):
            yield from self.data
        raise ValueError(
            f"The training data loader has no batch: the dataset has {len(self.dataloader.dataset)} samples, fewer "
            f"than the batch size {self.data.batch_size}. Lower train_dataloader.batch_size, or set drop_last=False."
        )

    def _validates(self) -> bool:
        due = self._iter % self.val_interval == 0 or self._iter == self._max_iters
        return self.runner.val_loop is not None and self._iter >= self.val_begin and due

    def position(self) -> Position:
        """The position in the data, for a checkpoint."""
        return self.data.position()

    def restore(self, epoch: int, iteration: int, position: Mapping[str, Any] | None, seed: int | None) -> list[str]:
        """Continue a run.

        Args:
            epoch: Ignored: the complete training counts as one epoch.
            iteration: Number of steps.
            position: `position()` of the interrupted run. None, as for checkpoints of mmengine: computed from
                `iteration`.
            seed: The seed of the interrupted run.

        Returns:
            What differs from an uninterrupted run, as sentences for the log.
        """
        self._iter = iteration
        if position is None:
            position = self._position_after(iteration)
        return self.data.restore(position, seed)

    def _position_after(self, iteration: int) -> Position:
        per_pass = 0 if isinstance(self.data.sampler, InfiniteSampler) else len(self.dataloader)
        passes, batches = divmod(iteration, per_pass) if per_pass else (0, iteration)
        samples = batches * self.data.world_size * self.data.batch_size
        return self.data.position() | dict(epoch=passes, samples=samples)
