from typing import NamedTuple

from mmengine.runner import IterBasedTrainLoop


class Progress(NamedTuple):
    """Where a training stands: ``step`` of ``last`` ``unit``s (``'epoch'`` or ``'iter'``) are done."""

    unit: str
    step: int
    last: int


def training_progress(runner):
    """``Progress`` of the runner's training; None in a validation or test alone."""
    # runner.train_loop would build the loop (and its dataset) where it is still a config.
    loop = runner._train_loop
    if loop is None or isinstance(loop, dict):
        return None
    if isinstance(loop, IterBasedTrainLoop):
        return Progress("iter", loop.iter, loop.max_iters)
    return Progress("epoch", loop.epoch, loop.max_epochs)
