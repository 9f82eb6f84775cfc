import time
from pathlib import Path
from typing import Any

from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from mmengine.runner import Runner

from mtl_plugins.registry import HOOKS

from .curves import plot_curves
from .scalars import read_scalars
from .training_progress import training_progress

CURVES_FILE = "curves.png"


@HOOKS.register_module()
class CurvesHook(Hook):
    """Writes `<work_dir>/curves.png` at the end of training, and from time to time after a validation.

    It reads what `LocalVisBackend` has written in all starts of the run, so a resumed run has complete curves.

    Args:
        refresh_seconds: Minimum time between two pictures during training; `None` to write one only at the end.
    """

    priority = "LOW"  # after LoggerHook, which writes the scalars

    def __init__(self, refresh_seconds: float | None = 300):
        self.refresh_seconds = refresh_seconds
        self._last = 0.0

    def before_train(self, runner: Runner) -> None:
        """Start the clock."""
        self._last = time.monotonic()

    def after_val_epoch(self, runner: Runner, metrics: dict[str, Any] | None = None) -> None:
        """Write the picture if the last one is old enough."""
        if training_progress(runner) is None or self.refresh_seconds is None:
            return
        if time.monotonic() - self._last >= self.refresh_seconds:
            self._write(runner)

    def after_train(self, runner: Runner) -> None:
        """Write the picture."""
        self._write(runner)

    def _write(self, runner: Runner) -> None:
        if not is_main_process():
            return
        self._last = time.monotonic()
        try:
            written = plot_curves(read_scalars(runner.work_dir), Path(runner.work_dir) / CURVES_FILE)
        except Exception as error:  # a failed picture must not stop the training
            reason = f"{type(error).__name__}: {error}"
            runner.logger.warning(f"CurvesHook could not write {CURVES_FILE} ({reason})")
            return
        if written is None:
            runner.logger.warning(
                f"CurvesHook found no scalars under {runner.work_dir}, so it did not write {CURVES_FILE}. Check that "
                "visualizer.vis_backends contains dict(type='LocalVisBackend') and that training logged a line."
            )
