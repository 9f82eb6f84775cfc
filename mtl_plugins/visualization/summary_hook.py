import datetime
import time
from pathlib import Path

from mmengine.hooks import Hook

from mtl_plugins.registry import HOOKS

from .curves_hook import CURVES_FILE
from .panel_hook import PANELS_FOLDER
from .scalars import read_scalars
from .summary import summary_table, update_best
from .training_progress import training_progress


@HOOKS.register_module()
class SummaryHook(Hook):
    """Logs a table of every task's metrics after each validation, with the best so far, and after a test.

    At the end of training it logs how long it took and where checkpoints, panels, curves and log are. A
    resumed run takes the best so far from what ``LocalVisBackend`` has written.

    Args:
        greater: {metric key: whether greater is better}, for metrics of your own whose name does not tell.
    """

    priority = "LOWEST"  # after CheckpointHook and CurvesHook, whose files it names

    def __init__(self, greater=None):
        self.greater = greater or {}
        self._best = {}
        self._start = None

    def before_train(self, runner):
        self._start = time.monotonic()
        self._best = {}
        done = training_progress(runner).step
        if done:
            for line in read_scalars(runner.work_dir)["val"]:
                if line["step"] <= done:
                    self._best = update_best(self._best, line, line["step"], self.greater)

    def after_val_epoch(self, runner, metrics=None):
        if not metrics:
            return
        progress = training_progress(runner)
        if progress is None:
            runner.logger.info(f"Validation\n{summary_table(metrics)}")
            return
        self._best = update_best(self._best, metrics, progress.step, self.greater)
        table = summary_table(metrics, self._best, progress.unit)
        runner.logger.info(f"Validation after {progress.unit} {progress.step} of {progress.last}\n{table}")

    def after_test_epoch(self, runner, metrics=None):
        if metrics:
            runner.logger.info(f"Test\n{summary_table(metrics)}")

    def after_train(self, runner):
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
        there = [(name, place) for name, place in places if place is not None and Path(place).exists()]
        width = max((len(name) for name, _ in there), default=0)
        where = f"{progress.unit} {progress.step} of {progress.last}"
        lines = [f"Training ended at {where}, after {took} (h:mm:ss)"]
        lines += [f"  {name.ljust(width)}  {place}" for name, place in there]
        runner.logger.info("\n".join(lines))


def _info(runner, key):
    return runner.message_hub.get_info(key) if key in runner.message_hub.runtime_info else None
