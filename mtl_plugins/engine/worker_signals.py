"""Keeps the workers of a data loader alive when a signal reaches all processes of a training."""

import os
import signal
import threading
from collections.abc import Callable

from torch.utils.data import DataLoader

from mtl_plugins.stop_signals import SIGNALS

_IGNORED = tuple(name for name in SIGNALS if name != "SIGTERM")


def shield_workers(loader: DataLoader) -> None:
    """Let the workers of `loader` ignore the signals to which the main process reacts by saving a checkpoint.

    A terminal sends Ctrl-C, and Slurm sends SIGTERM, to all processes at once. The main process needs its workers until
    the current step has ended. The workers still end when the main process does.
    """
    loader.worker_init_fn = _ShieldedInit(loader.worker_init_fn)


class _ShieldedInit:
    def __init__(self, init: Callable[[int], None] | None) -> None:
        self.init = init

    def __call__(self, worker: int) -> None:
        for name in _IGNORED:
            if hasattr(signal, name):
                signal.signal(getattr(signal, name), signal.SIG_IGN)
        if hasattr(signal, "sigwaitinfo"):
            parent = os.getppid()
            signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
            threading.Thread(target=_end_for_parent, args=(parent,), daemon=True).start()
        if self.init is not None:
            self.init(worker)


def _end_for_parent(parent: int) -> None:
    """End the worker when its parent sends SIGTERM; ignore the SIGTERM of others."""
    while signal.sigwaitinfo([signal.SIGTERM]).si_pid != parent:
        pass
    os._exit(0)
