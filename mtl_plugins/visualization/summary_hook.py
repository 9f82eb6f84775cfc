import datetime
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmengine.hooks import Hook
from mmengine.runner import Runner

from mtl_plugins.registry import HOOKS

from .curves_hook import CURVES_FILE
from .panel_hook import PANELS_FOLDER
from .scalars import read_scalars
from .summary import Best, summary_table, update_best
from .training_progress import training_progress


@HOOKS.register_module()
class SummaryHook(Hook):
    """Logs a table of every task's metrics after each validation, with the best values so far, and after a test.

    At the end of training it logs the duration and the paths of checkpoints, panels, curves and log. A resumed run
    reads the best values so far from the files of `LocalVisBackend`.

    Args:
        greater: `{metric key: whether a higher value is better}` for metrics that do not declare it.
    """

    priority = "LOWEST"  # after CheckpointHook and CurvesHook, whose files it lists

    def __init__(self, greater: Mapping[str, bool] | None = None):
        self.greater = greater or {}
        self._best: Best = {}
        self._start = 0.0

    def before_train(self, runner: Runner) -> None:
        """Read the best values of earlier starts of the run."""
        self._start = time.monotonic()
        self._best = {}
        progress = training_progress(runner)
        if progress is not None and progress.step:
            for line in read_scalars(runner.work_dir)["val"]:
                if line["step"] <= progress.step:
                    self._best = update_best(self._best, line, line["step"], self.greater)

    def after_val_epoch(self, runner: Runner, metrics: dict[str, Any] | None = None) -> None:
        """Log the table."""
        if not metrics:
            return
        progress = training_progress(runner)
        if progress is None:
            runner.logger.info(f"Validation\n{summary_table(metrics)}")
            return
        self._best = update_best(self._best, metrics, progress.step, self.greater)
        table = summary_table(metrics, self._best, progress.unit)
        runner.logger.info(f"Validation after {progress.unit} {progress.step} of {progress.last}\n{table}")

    def after_test_epoch(self, runner: Runner, metrics: dict[str, Any] | None = None) -> None:
        """Log the table."""
        if metrics:
            runner.logger.info(f"Test\n{summary_table(metrics)}")

    def after_train(self, runner: Runner) -> None:
        """Log the duration and the paths of the files."""
        progress = training_progress(runner)
        took = datetime.timedelta(seconds=round(time.monotonic() - self._start))
        work_dir = Path(runner.work_dir)
        places = [
            ("last checkpoint", _info(runner, "last_ckpt")),
            ("best checkpoint", _info(runner, "best_ckpt")),
            ("panels", work_dir / PANELS_FOLDER),
            ("curves", work_dir / CURVES_FILE),
            ("log", Path(runner.log_dir) / f"{runner.timestamp}.log"),
        ]
        existing = [(name, place) for name, place in places if place is not None and Path(place).exists()]
        width = max((len(name) for name, _ in existing), default=0)
        end = f" at {progress.unit} {progress.step} of {progress.last}" if progress is not None else ""
        lines = [f"Training ended{end}, after {took} (h:mm:ss)"]
        lines += [f"  {name.ljust(width)}  {place}" for name, place in existing]
        runner.logger.info("\n".join(lines))


def _info(runner: Runner, key: str) -> Any:
    return runner.message_hub.get_info(key) if key in runner.message_hub.runtime_info else None
