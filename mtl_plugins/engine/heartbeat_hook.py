"""Finds a process of a training that is stuck, names it, and ends the run."""

import json
import logging
import os
import socket
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any

import torch.distributed as dist
from mmengine.dist import get_rank, get_world_size
from mmengine.hooks import Hook
from mmengine.runner import Runner

from mtl_plugins.registry import HOOKS
from mtl_plugins.stop_signals import end_process

from .rank_store import open_rank_store
from .restarts import how_to_resume

STUCK = 75  # the exit code; EX_TEMPFAIL of sysexits.h: try again
_FIRST = 10  # the first step of each kind may take this many times as long: the network may be compiled in it
_LONGEST_INTERVAL = 10.0
_SILENT = 5  # intervals without a sign of life after which a process is taken for stopped
_VERDICT = "verdict"


@dataclass
class Beat:
    """What a process reports about itself.

    Attributes:
        rank: Its rank.
        host: Its host.
        process: Its process number.
        count: Number of reports, which shows that the process is alive.
        progress: A pair that increases with each stage: the number of training steps, and the stages since then.
        stage: What it is doing.
        slow: Whether this stage may take longer, as the first of its kind.
    """

    rank: int
    host: str
    process: int
    count: int
    progress: tuple[int, int]
    stage: str
    slow: bool

    def __str__(self) -> str:
        return f"rank {self.rank} on {self.host} (process {self.process})"


class Observer:
    """Remembers when each process last reported, and when it last made progress, in the observer's own time.

    Args:
        timeout: Seconds without progress after which a process is stuck.
        silence: Seconds without a report after which a process is stopped.
    """

    def __init__(self, timeout: float, silence: float) -> None:
        self.timeout, self.silence = timeout, silence
        self._beats: dict[int, Beat] = {}
        self._reported: dict[int, float] = {}
        self._progressed: dict[int, float] = {}

    def note(self, beat: Beat, now: float) -> None:
        """Note the newest report of a process."""
        old = self._beats.get(beat.rank)
        if old is None or beat.count != old.count:
            self._reported[beat.rank] = now
        if old is None or (beat.progress, beat.stage) != (old.progress, old.stage):
            self._progressed[beat.rank] = now
        self._beats[beat.rank] = beat

    def forgive(self, seconds: float) -> None:
        """Do not count a time in which the observer itself was stopped."""
        for times in (self._reported, self._progressed):
            for rank in times:
                times[rank] += seconds

    def verdict(self, now: float, silent_only: bool = False) -> str | None:
        """A sentence that names the stuck process, or None if there is none.

        All processes stop soon after one is stuck, because they wait for it. The stuck one is that which no longer
        reports; else it is the one that is the furthest behind.

        Args:
            now: The time.
            silent_only: Whether to name only a process that no longer reports.
        """
        idle = {rank: now - since for rank, since in self._progressed.items()}
        if not idle or min(idle.values()) < self.timeout:
            return None  # one still makes progress, so nobody waits for a stuck process yet
        silent = [rank for rank, since in self._reported.items() if now - since > self.silence]
        behind = min(beat.progress for beat in self._beats.values())
        if silent_only and not silent:
            return None
        culprits = silent or [rank for rank, beat in self._beats.items() if beat.progress == behind]
        if any(idle[rank] < self.timeout * (_FIRST if self._beats[rank].slow else 1) for rank in culprits):
            return None
        if len(culprits) == len(self._beats) > 1:
            stages = ", ".join(f"rank {rank}: {beat.stage}" for rank, beat in sorted(self._beats.items())[:8])
            return f"no rank has made progress for {min(idle.values()):.0f} s ({stages})"
        rank = min(culprits)
        state = ", gives no sign of life" if rank in silent else ""
        return f"{self._beats[rank]}: {self._beats[rank].stage}, no progress for {idle[rank]:.0f} s{state}"


@HOOKS.register_module()
class HeartbeatHook(Hook):
    """Ends a training in which a process is stuck, for example because it was stopped or its disk does not respond.

    The message names the rank, host and process, and what it was doing. The exit code is 75, so that a scheduler or
    `dist_train.sh --max-restarts` can start the training again. Every process reports its progress from a thread; the
    first two ranks observe the others. In a training with one process, the thread observes that process.

    The first steps of training and validation may take ten times as long as `timeout`, because the network may be
    compiled in them. What happens before training, such as downloads, is not observed. `MultiTaskRunner` adds this
    hook to every config.

    Args:
        timeout: Seconds without progress after which the run ends; 0 turns the hook off, for example for debugging.
    """

    priority = "LOWEST"

    def __init__(self, timeout: float = 600.0) -> None:
        if not timeout >= 0:
            raise ValueError(f"HeartbeatHook.timeout={timeout!r}: must be a number of seconds; 0 turns the hook off.")
        self.timeout = timeout
        self._step, self._count = 0, 0
        self._stage, self._slow = "starting", True
        self._seen: set[str] = set()
        self._done: threading.Event | None = None
        self._runner: Runner | None = None

    def before_train(self, runner: Runner) -> None:
        """Start to report and to observe."""
        self._runner, self._step = runner, runner.iter
        self._enter("reading data for the first step", "read")
        if self.timeout > 0:
            self._done = threading.Event()
            store = open_rank_store("heartbeat") if get_world_size() > 1 else None
            threading.Thread(target=self._watch, args=(self._done, store), name="heartbeat", daemon=True).start()

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: dict | None = None) -> None:
        """Note that a step begins."""
        self._enter("computing step", "train")

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: dict | None = None, outputs: dict | None = None
    ) -> None:
        """Note that a step has ended."""
        self._step, self._count = runner.iter + 1, 0
        self._enter("reading data for step", "read")

    def after_train_epoch(self, runner: Runner) -> None:
        """Note that an epoch has ended."""
        self._enter("between two epochs", "epoch")

    def before_val_epoch(self, runner: Runner) -> None:
        """Note that a validation begins."""
        self._enter("reading data for the validation", "validation data")

    def after_val_iter(
        self, runner: Runner, batch_idx: int, data_batch: dict | None = None, outputs: Sequence | None = None
    ) -> None:
        """Note that a batch of the validation has ended."""
        self._enter(f"validating after batch {batch_idx + 1}", "validation")

    def after_val_epoch(self, runner: Runner, metrics: dict[str, float] | None = None) -> None:
        """Note that a validation has ended."""
        self._enter("reading data for step", "read")

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Note that a checkpoint is being saved."""
        self._enter("saving a checkpoint", "save")

    def after_train(self, runner: Runner) -> None:
        """Stop to report."""
        self.close()

    def close(self) -> None:
        """Stop to report and to observe."""
        if self._done is not None:
            self._done.set()
        self._done = self._runner = None

    def _enter(self, stage: str, kind: str) -> None:
        """Write down the stage; the thread reads it."""
        self._stage, self._slow = stage, kind not in self._seen
        self._seen.add(kind)
        self._count += 1

    def _beat(self, count: int) -> Beat:
        stage = f"{self._stage} {self._step + 1}" if self._stage.endswith("step") else self._stage
        progress = (self._step, self._count)
        return Beat(get_rank(), socket.gethostname(), os.getpid(), count, progress, stage, self._slow)

    def _watch(self, done: threading.Event, store: dist.Store | None) -> None:
        interval = min(self.timeout / 10, _LONGEST_INTERVAL)
        world, rank = get_world_size(), get_rank()
        observer = Observer(self.timeout, _SILENT * interval)
        count, before = 0, time.monotonic()
        while not done.wait(interval):
            count, now = count + 1, time.monotonic()
            if now - before > _SILENT * interval:  # this process was stopped, or the computer slept
                observer.forgive(now - before)
            before = now
            beats, verdict = [self._beat(count)], None
            try:
                if store is not None:
                    beats, verdict = _exchange(store, beats[0], world)
            except (RuntimeError, ValueError, TypeError, KeyError):  # the process that keeps the store has ended
                store = None
            for beat in beats:
                observer.note(beat, time.monotonic())
            if verdict is None and (rank == 0 or store is None):
                verdict = observer.verdict(time.monotonic())
            elif verdict is None and rank == 1:
                verdict = observer.verdict(time.monotonic(), silent_only=True)
            if verdict and not done.is_set():
                if store is not None:
                    with suppress(RuntimeError):
                        store.set(_VERDICT, verdict)
                self._end(verdict)

    def _end(self, verdict: str) -> None:
        runner = self._runner
        hub: Mapping[str, Any] = {} if runner is None else runner.message_hub.runtime_info
        message = f"{verdict}. The run ends. {how_to_resume(hub.get('last_ckpt') or None)}"
        if runner is not None:  # not through the logger, whose lock the stuck thread may hold
            for handler in runner.logger.handlers:
                if isinstance(handler, logging.FileHandler):
                    with suppress(OSError), open(handler.baseFilename, "a") as file:
                        file.write(f"{message}\n")
        end_process(STUCK, message if get_rank() < 2 else "")


def _exchange(store: dist.Store, own: Beat, world: int) -> tuple[list[Beat], str | None]:
    """Report, and read what this rank observes: rank 0 all others, rank 1 only rank 0, the others nobody."""
    store.set(str(own.rank), json.dumps(asdict(own)))
    verdict = store.get(_VERDICT).decode() if store.check([_VERDICT]) else None
    others = {0: range(1, world), 1: range(1)}.get(own.rank, range(0))
    keys = [str(rank) for rank in others if store.check([str(rank)])]
    beats = [Beat(**json.loads(store.get(key))) for key in keys]
    for beat in beats:
        beat.progress = (beat.progress[0], beat.progress[1])
    return [own, *beats], verdict
