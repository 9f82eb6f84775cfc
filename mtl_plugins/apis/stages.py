"""A pipeline of stages that run concurrently, each in its own thread."""

import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable
from contextlib import closing, nullcontext
from typing import Any

_JOIN_TIMEOUT = 5.0  # seconds to wait for a thread to end: a thread that hangs in a driver must not block the caller


def overlap(
    items: Iterable, *stages: Callable[[Any], Any], depth: int = 2, seconds: list[float] | None = None
) -> Generator[Any, None, None]:
    """Run stages concurrently over items, at the speed of the slowest stage.

    One thread reads `items`, and one thread runs each stage; the caller's work with the results overlaps, too. Threads
    share Python's global lock, so this pays off for stages that decode, compute or encode in C.

    An error of `items` or of a stage is raised after the results of the items before it. If the caller stops early (an
    exception, `break`, Ctrl-C), the threads end and `items` is closed if it has `close`.

    Args:
        items: The items; may be endless.
        *stages: Functions of one argument. Each processes the items in order.
        depth: Maximum number of results that wait between two stages, which bounds the memory.
        seconds: A list that is filled with the seconds spent in `items` and in each stage, without waiting.

    Yields:
        `stages[-1](... stages[0](item))` for each item, in order.
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
                thread.join(_JOIN_TIMEOUT)


class _End:
    """The last item of a channel, with the error that ended it, if any."""

    def __init__(self, error: BaseException | None = None):
        self.error = error


class _Channel:
    """A bounded queue from one thread to another, which the reader can close."""

    def __init__(self, size: int):
        self._items: deque = deque()
        self._size, self._closed = size, False
        self._changed = threading.Condition()

    def put(self, item: Any) -> bool:
        """Wait for space and add an item. Returns False if the reader has closed the channel."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or len(self._items) < self._size)
            if not self._closed:
                self._items.append(item)
                self._changed.notify_all()
            return not self._closed

    def get(self) -> Any:
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._items)
            if self._closed:
                return _End()
            self._changed.notify_all()
            return self._items.popleft()

    def close(self) -> None:
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
    inbox.close()  # stops the stages before this one
    outbox.put(end)
