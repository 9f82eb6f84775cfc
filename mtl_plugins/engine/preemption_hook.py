"""Saves a checkpoint and ends the training when a signal asks for it."""

import signal
import subprocess
from collections.abc import Sequence
from typing import Any

from mmengine.dist import get_rank, get_world_size, is_main_process
from mmengine.hooks import EMAHook, Hook
from mmengine.runner import Runner

from mtl_plugins.registry import HOOKS
from mtl_plugins.stop_signals import (
    SIGNALS,
    Preempted,
    StopSignals,
    end_process,
    exit_code,
    name_of,
    print_error,
)

from .atomic_checkpoint_hook import AtomicCheckpointHook
from .rank_agreement import RankAgreement
from .restarts import how_to_resume, slurm_job

_REQUEUE_TIMEOUT = 30  # seconds


@HOOKS.register_module()
class PreemptionHook(Hook):
    """Saves a checkpoint and ends the training when the process receives SIGTERM, SIGHUP, SIGUSR1 or Ctrl-C.

    The checkpoint is saved after the current step, or in several processes after the next one, because all of them must
    stop after the same step. During a validation, the training ends after the current batch; the resumed run repeats
    the validation. The exit code is 128 + the number of the signal. A second signal ends the process at once; the last
    complete checkpoint remains.

    `MultiTaskRunner` adds this hook to every config. `default_hooks.preemption=None` removes it.

    Args:
        signals: Names of the signals.
        timeout: Seconds after which the process ends even if the current step has not ended, for example because the
            data do not arrive. torchrun and Slurm kill a process 30 seconds after the signal.
        requeue: Whether to put the Slurm job back into the queue with `scontrol requeue` after saving, except
            after Ctrl-C.

    Raises:
        Preempted: The checkpoint is saved. It is a `SystemExit` with the exit code.
    """

    priority = "LOWEST"  # after EMAHook, the schedulers and the regular checkpoint of the same step

    def __init__(self, signals: Sequence[str] = SIGNALS, timeout: float = 25.0, requeue: bool = False) -> None:
        unknown = sorted(set(signals) - set(SIGNALS))
        if isinstance(signals, str) or unknown:
            raise ValueError(f"PreemptionHook.signals={signals!r} is not allowed. Choose from: {', '.join(SIGNALS)}.")
        if not timeout > 0:
            raise ValueError(f"PreemptionHook.timeout={timeout!r}: must be a positive number of seconds.")
        if requeue and slurm_job() is None:
            raise ValueError("requeue needs a Slurm job: the environment variable SLURM_JOB_ID is not set.")
        self.timeout, self.requeue = timeout, requeue
        self._signals = StopSignals(self._on_first, timeout, self._on_expired, signals)
        self._agreement: RankAgreement | None = None
        self._runner: Runner | None = None
        self._busy = False  # a checkpoint is being saved

    def before_train(self, runner: Runner) -> None:
        """Start to handle the signals."""
        self._runner = runner
        if get_world_size() > 1:
            self._agreement = RankAgreement()
        self._signals.install()

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: dict | None = None, outputs: dict | None = None
    ) -> None:
        """Save and end after a step if a process has received a signal."""
        self._busy = False
        own = self._signals.received or 0
        number = own if self._agreement is None else self._agreement.exchange(own)
        if number:
            self._end(runner, number, within_step=True)

    def after_train_epoch(self, runner: Runner) -> None:
        """Note that the regular checkpoint is complete."""
        self._busy = False

    def after_val_iter(
        self, runner: Runner, batch_idx: int, data_batch: dict | None = None, outputs: Sequence | None = None
    ) -> None:
        """End within a validation if a process has received a signal."""
        if self._runner is None:  # runner.val() without training
            return
        number = self._signals.received or 0
        if self._agreement is not None:
            number = self._agreement.within_validation(number, batch_idx + 1 == len(runner.val_loop.dataloader))
        if not number:
            return
        for hook in runner.hooks:
            if isinstance(hook, EMAHook):
                hook._swap_ema_parameters()  # back to the weights that are trained
        self._end(runner, number, within_step=False)

    def after_val_epoch(self, runner: Runner, metrics: dict[str, float] | None = None) -> None:
        """Note that the best checkpoint is complete."""
        self._busy = False

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Let a save take as long as it needs."""
        self._busy = True

    def after_train(self, runner: Runner) -> None:
        """Stop to handle the signals."""
        self.close()

    def close(self) -> None:
        """Give the signals back to those who handled them before."""
        self._signals.restore()
        if self._agreement is not None:
            self._agreement.close()
        self._runner = self._agreement = None

    def explain(self, error: Exception) -> None:
        """Raise `Preempted` instead of an error that follows from a signal, for example because another rank ended."""
        number, path = self._signals.received, self._last_checkpoint()
        if number is not None:
            print_error(f"{name_of(number)} received: the step failed ({_first_line(error)}). {how_to_resume(path)}")
            raise Preempted(number, path) from error

    def _on_first(self, number: int) -> None:
        if get_rank() == 0:
            print_error(
                f"\n{name_of(number)} received: the training saves a checkpoint after this step and ends. A second "
                "signal ends it at once."
            )

    def _on_expired(self, number: int) -> float | None:
        if self._busy:
            return 1.0
        end_process(
            exit_code(number),
            f"{name_of(number)} received: the step did not end within {self.timeout:g} s, so it is lost. "
            f"{how_to_resume(self._last_checkpoint())}",
        )
        return None

    def _last_checkpoint(self) -> str | None:
        hook = None if self._runner is None else _checkpoint_hook(self._runner)
        return getattr(hook, "last_ckpt", None) or None

    def _end(self, runner: Runner, number: int, within_step: bool) -> None:
        self._busy = True
        hook = _checkpoint_hook(runner)
        path = None if hook is None else hook.save_now(runner, within_step=within_step)
        if self._agreement is not None:
            self._agreement.barrier()  # torchrun kills all processes when one has ended: not while one is saving
        if is_main_process():
            runner.logger.info(
                f"{name_of(number)} received: stopped after step {runner.iter + within_step}. {how_to_resume(path)}"
            )
            if self.requeue and number != signal.SIGINT:
                runner.logger.info(_requeue())
        raise Preempted(number, path)


def _checkpoint_hook(runner: Runner) -> Any:
    return next((hook for hook in runner.hooks if isinstance(hook, AtomicCheckpointHook)), None)


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__


def _requeue() -> str:
    """Put the Slurm job back into the queue, and describe the result."""
    command = ["scontrol", "requeue", str(slurm_job())]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_REQUEUE_TIMEOUT, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"{' '.join(command)} failed: {error}. Submit the job again with --resume."
    if done.returncode:
        return (
            f"{' '.join(command)} failed: {done.stderr.strip() or done.returncode}. Submit the job again with --resume."
        )
    return f"Job {slurm_job()} is back in the queue ({' '.join(command)})."
