import time
from pathlib import Path

from mmengine.dist import is_main_process
from mmengine.hooks import Hook

from mtl_plugins.registry import HOOKS

from .curves import plot_curves
from .scalars import read_scalars
from .training_progress import training_progress

CURVES_FILE = "curves.png"


@HOOKS.register_module()
class CurvesHook(Hook):
    """Writes ``<work_dir>/curves.png`` at the end of training, and now and then after a validation.

    It reads what ``LocalVisBackend`` has written, of every start of the run, so a resumed run has whole
    curves.

    Args:
        refresh_seconds: at least this long between two pictures during training; ``None`` for the end only.
    """

    priority = "LOW"  # after LoggerHook, which writes the scalars

    def __init__(self, refresh_seconds=300):
        self.refresh_seconds = refresh_seconds
        self._last = 0.0

    def before_train(self, runner):
        self._last = time.monotonic()

    def after_val_epoch(self, runner, metrics=None):
        if training_progress(runner) is None or self.refresh_seconds is None:
            return
        if time.monotonic() - self._last >= self.refresh_seconds:
            self._write(runner)

    def after_train(self, runner):
        self._write(runner)

    def _write(self, runner):
        if not is_main_process():
            return
        self._last = time.monotonic()
        try:
            written = plot_curves(read_scalars(runner.work_dir), Path(runner.work_dir) / CURVES_FILE)
        except Exception as error:  # a picture is never worth a training run
            reason = f"{type(error).__name__}: {error}"
            runner.logger.warning(f"CurvesHook could not write {CURVES_FILE} ({reason})")
            return
        if written is None:
            runner.logger.warning(
                f"CurvesHook found no scalars under {runner.work_dir}, so there is no {CURVES_FILE}; "
                "is dict(type='LocalVisBackend') in visualizer.vis_backends, and did training log a line?"
            )
