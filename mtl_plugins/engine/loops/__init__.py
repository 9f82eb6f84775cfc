"""Training loops that can stop and continue after any step, with any number of processes and any batch size."""

from .resumable_epoch_loop import ResumableEpochLoop
from .resumable_iter_loop import ResumableIterLoop
from .resumable_loader import ResumableLoader

__all__ = ["ResumableEpochLoop", "ResumableIterLoop", "ResumableLoader"]
