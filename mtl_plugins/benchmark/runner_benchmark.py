"""The overhead of the Runner and its hooks, compared with a bare training loop."""

import contextlib
import copy
import io
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Sequence

from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.optim import OptimWrapper
from mmengine.runner import Runner

from mtl_plugins.apis.build import build_runner
from mtl_plugins.models import MultiTaskModel

from .section import Row, Section, to_rows
from .stopwatch import Stopwatch
from .synthetic_samples import InMemoryDataset
from .timing import WARM_UP, synchronizer
from .training_setting import TrainingSetting, build_loader

_HOOKS_SHOWN = 3


def compare_runner(
    cfg: Config,
    model: MultiTaskModel,
    optim_wrapper: OptimWrapper,
    samples: Sequence[dict],
    setting: TrainingSetting,
) -> Section:
    """Compare the Runner with a bare loop over `train_step`; iterations alternate.

    The Runner has all hooks of the config except checkpoints and validation.

    Args:
        cfg: The config.
        model: The model of the bare loop.
        optim_wrapper: Its optimizer wrapper.
        samples: One batch of packed samples.
        setting: Number of steps and rounds.
    """
    count = setting.rounds * setting.steps
    dataset = InMemoryDataset(samples, len(samples) * (WARM_UP + count + 1))
    batches = iter(build_loader(cfg, dataset, len(samples)))
    synchronize = synchronizer(model)
    with _quiet_runner(cfg) as runner:
        runner._train_dataloader = build_loader(cfg, dataset, len(samples))
        watch = Stopwatch()
        turns = _AlternateHook(
            lambda: model.train_step(next(batches), optim_wrapper),
            synchronize,
            count,
            after_warm_up=watch.seconds.clear,
        )
        stages = ("before_train_iter", "after_train_iter")
        hooks = [(type(hook).__name__, hook, stage) for hook in runner.hooks for stage in stages]
        runner.register_hook(turns)
        with watch.watching(hooks), contextlib.suppress(_EnoughMeasuredError):
            runner.train()
    times = {"bare loop": turns.bare_seconds, "Runner": turns.runner_seconds}
    paired = {name: [[second] for second in seconds] for name, seconds in times.items()}
    rows = to_rows(paired, len(samples), "runner: ")
    return _section(rows, {name: seconds / count for name, seconds in watch.seconds.items()})


class _EnoughMeasuredError(Exception):
    """Ends the Runner's training."""


class _AlternateHook(Hook):
    """Runs and times one iteration of the bare loop after each iteration of the Runner."""

    priority = "LOWEST"  # and registered last, so that the work of all other hooks counts as the Runner's

    def __init__(
        self,
        bare_step: Callable[[], object],
        synchronize: Callable[[], object],
        count: int,
        after_warm_up: Callable[[], object],
    ) -> None:
        self.bare_step, self.synchronize, self.count, self.after_warm_up = bare_step, synchronize, count, after_warm_up
        self.runner_seconds: list[float] = []
        self.bare_seconds: list[float] = []
        self.iterations = 0
        self.iteration_start = 0.0

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: dict | None = None, outputs: dict | None = None
    ) -> None:
        self.synchronize()
        runner_seconds = time.perf_counter() - self.iteration_start
        start = time.perf_counter()
        self.bare_step()
        self.synchronize()
        bare_seconds = time.perf_counter() - start
        if self.iterations >= WARM_UP:
            self.runner_seconds.append(runner_seconds)
            self.bare_seconds.append(bare_seconds)
        self.iterations += 1
        if self.iterations == WARM_UP:
            self.after_warm_up()
        if len(self.bare_seconds) == self.count:
            raise _EnoughMeasuredError
        self.iteration_start = time.perf_counter()


def _section(rows: tuple[Row, ...], hook_seconds: dict[str, float]) -> Section:
    bare = rows[0].ms_median
    overhead = 100 * (1 / rows[1].ratio_to_baseline - 1)
    of_hooks = 1e3 * sum(hook_seconds.values())
    slowest = sorted(hook_seconds.items(), key=lambda item: -item[1])[:_HOOKS_SHOWN]
    shown = ", ".join(f"{name} {1e3 * seconds:.2f} ms" for name, seconds in slowest)
    notes = (
        f"the Runner's overhead: {overhead:.1f} % (median of paired iterations)",
        f"hooks, timed separately: {of_hooks:.2f} ms per iteration, {100 * of_hooks / bare:.1f} % of the bare "
        f"loop's; most: {shown}",
    )
    figures: dict[str, float | bool] = dict(
        overhead_percent=overhead, hooks_ms=of_hooks, hooks_percent=100 * of_hooks / bare
    )
    figures |= {f"hook_ms.{name}": 1e3 * seconds for name, seconds in hook_seconds.items()}
    return Section("Runner against a bare loop", rows, figures, notes)


@contextlib.contextmanager
def _quiet_runner(cfg: Config) -> Iterator[Runner]:
    """A Runner that writes its files and its log into a temporary folder and prints nothing."""
    cfg = copy.deepcopy(cfg)
    hooks = cfg.setdefault("default_hooks", {})
    hooks.update(checkpoint=None)
    cfg.experiment_name = f"benchmark_{uuid.uuid4().hex}"  # mmengine keeps loggers and visualizers by this name
    with tempfile.TemporaryDirectory(prefix="mtl-benchmark-") as folder, contextlib.redirect_stdout(io.StringIO()):
        cfg.work_dir = folder
        runner = build_runner(cfg)
        try:
            yield runner
        finally:
            runner.visualizer.close()
            for handler in list(runner.logger.handlers):
                handler.close()
                runner.logger.removeHandler(handler)  # mmengine still writes to this logger's handlers
