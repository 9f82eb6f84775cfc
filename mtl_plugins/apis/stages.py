"""A chain of stages that work at the same time, each in a thread of its own."""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, nullcontext
from typing import Any

_PATIENCE = 5.0  # seconds that a thread is given to end; one that hangs in a driver must not hang the caller


def overlap(
    items: Iterable, *stages: Callable[[Any], Any], depth: int = 2, seconds: list[float] | None = None
) -> Iterator:
    """Yields ``stages[-1](… stages[0](item))`` of each item, in order, at the speed of the slowest stage.

    Reading ``items`` and each of the stages run in a thread each, and what the caller does with a result overlaps too.
    Threads share Python's lock: that pays where stages decode, compute or encode in C.

    An error of ``items`` or of a stage is raised to the caller after the results that came before it. When the caller
    stops early (an exception, ``break``, Ctrl-C), the threads end; ``items`` is closed if it can be.

    Args:
        items: What to work on; it may be endless.
        stages: Functions of one argument. Each sees its items one after another.
        depth: Results that wait between two stages at most, so memory is bounded.
        seconds: A list that becomes the seconds spent in ``items`` and in each stage, waiting not counted.
    """
    seconds = [] if seconds is None else seconds
    seconds[:] = [0.0] * (1 + len(stages))
    channels = [_Channel(depth) for _ in seconds]
    threads = [threading.Thread(target=_read, args=(items, channels[0], seconds), daemon=True)]
    threads += [
        threading.Thread(target=_work, args=(stage, *channels[i : i + 2], seconds, i + 1), daemon=True)
        for i, stage in enumerate(stages)
    ]
    try:
        for thread in threads:
            thread.start()
        while not isinstance(result := channels[-1].get(), _End):
            yield result
        if result.error is not None:
            raise result.error
    finally:
        for channel in channels:
            channel.close()
        for thread in threads:
            if thread.is_alive():
                thread.join(_PATIENCE)


class _End:
    """The last that comes through a channel, with the error that ended it, if one did."""

    def __init__(self, error: BaseException | None = None):
        self.error = error


class _Channel:
    """A bounded queue from one thread to another, which the reader can close."""

    def __init__(self, size):
        self._items, self._size, self._closed = deque(), size, False
        self._changed = threading.Condition()

    def put(self, item) -> bool:
        """Waits for room; whether there still is a reader."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or len(self._items) < self._size)
            if not self._closed:
                self._items.append(item)
                self._changed.notify_all()
            return not self._closed

    def get(self):
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._items)
            if self._closed:
                return _End()
            self._changed.notify_all()
            return self._items.popleft()

    def close(self):
        with self._changed:
            self._closed = True
            self._items.clear()
            self._changed.notify_all()


def _read(items, outbox, seconds):
    end = _End()
    try:
        iterator = iter(items)
        # closed here: a generator can't be closed by another thread while it runs
        with closing(iterator) if hasattr(iterator, "close") else nullcontext():
            while True:
                start = time.perf_counter()
                item = next(iterator, end)
                seconds[0] += time.perf_counter() - start
                if item is end or not outbox.put(item):
                    break
    except BaseException as error:
        end = _End(error)
    outbox.put(end)


def _work(stage, inbox, outbox, seconds, position):
    end = _End()
    try:
        while not isinstance(item := inbox.get(), _End):
            start = time.perf_counter()
            result = stage(item)
            seconds[position] += time.perf_counter() - start
            if not outbox.put(result):
                break
        else:
            end = item
    except BaseException as error:
        end = _End(error)
    inbox.close()  # those before it need not go on
    outbox.put(end)
