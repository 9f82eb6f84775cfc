"""Lets all processes of a training agree to stop after the same step."""

import time
from contextlib import suppress
from typing import Any

import torch
import torch.distributed as dist

from .rank_store import open_rank_store

_KEY = "stop"
_POLL = 0.5  # seconds between two looks into the store during a validation


class RankAgreement:
    """The largest of the numbers that the processes contribute, without waiting in training steps.

    Create it in all processes together. It has its own process group on the CPU, so that its messages cannot be mixed
    with those of the training.
    """

    def __init__(self) -> None:
        self._group: Any = dist.new_group(backend="gloo")
        self._pending: tuple[torch.Tensor, Any] | None = None
        self._store = open_rank_store("preemption")
        self._next_poll = 0.0

    def exchange(self, number: int) -> int:
        """Contribute `number` after a training step, and return the largest number of the previous step.

        The sum of the previous step is complete by now, because the gradients of this step needed all processes.
        """
        previous = self._result()
        tensor = torch.tensor([number], dtype=torch.int64)
        self._pending = tensor, dist.all_reduce(tensor, dist.ReduceOp.MAX, group=self._group, async_op=True)
        return previous

    def within_validation(self, number: int, last: bool) -> int:
        """Contribute `number` after a batch of a validation.

        A process waits here for the others only if it knows of a signal or has computed its last batch, after which it
        would wait for them anyway. It contributes once per validation.

        Args:
            number: This process's number, 0 for none.
            last: Whether this was its last batch.

        Returns:
            The largest number of all processes, or 0 if the validation continues.
        """
        number = max(number, self._result(), self._number_in_store())
        if not number and not last:
            return 0
        if number and self._store is not None:
            with suppress(RuntimeError):
                self._store.set(_KEY, str(number))
        tensor = torch.tensor([number], dtype=torch.int64)
        dist.all_reduce(tensor, dist.ReduceOp.MAX, group=self._group)
        return int(tensor)

    def barrier(self) -> None:
        """Wait for all processes."""
        dist.all_reduce(torch.zeros(1), group=self._group)

    def close(self) -> None:
        """Finish what is pending."""
        with suppress(RuntimeError):
            self._result()

    def _result(self) -> int:
        if self._pending is None:
            return 0
        tensor, work = self._pending
        self._pending = None
        work.wait()
        return int(tensor)

    def _number_in_store(self) -> int:
        now = time.monotonic()
        if self._store is None or now < self._next_poll:
            return 0
        self._next_poll = now + _POLL
        try:
            return int(self._store.get(_KEY)) if self._store.check([_KEY]) else 0
        except RuntimeError:
            return 0
