from typing import NamedTuple

from mmengine.runner import IterBasedTrainLoop, Runner


class Progress(NamedTuple):
    """Progress of a training: `step` of `last` units (`'epoch'` or `'iter'`) are done."""

    unit: str
    step: int
    last: int


def training_progress(runner: Runner) -> Progress | None:
    """The progress of a runner's training; `None` if the runner only validates or tests."""
    # runner.train_loop would build the loop and its dataset if it is still a config
    loop = runner._train_loop
    if loop is None or isinstance(loop, dict):
        return None
    if isinstance(loop, IterBasedTrainLoop):
        return Progress("iter", loop.iter, loop.max_iters)
    return Progress("epoch", loop.epoch, loop.max_epochs)
