"""What each worker process of a data loader is reading, readable by the main process after the worker has died."""

import os
import struct
from collections.abc import Callable
from multiprocessing import RawArray
from typing import Any

from torch.utils.data import DataLoader

_SLOT = 1024  # bytes per worker: its process id, the length of the note, the note
_HEAD = struct.Struct("<QI")

_slot: memoryview | None = None  # of this process, if it is a worker


class ReadingNotes:
    """Shared memory with one note per worker.

    Args:
        workers: Number of workers.
    """

    def __init__(self, workers: int) -> None:
        self.workers = workers
        self._memory: Any = RawArray("B", workers * _SLOT)

    def slot(self, worker: int) -> memoryview:
        """The part of one worker."""
        return memoryview(self._memory).cast("B")[worker * _SLOT : (worker + 1) * _SLOT]

    def note_of(self, process: int) -> str | None:
        """What the worker with this process id has noted last; None if there is no such worker or note."""
        for worker in range(self.workers):
            slot = self.slot(worker)
            number, length = _HEAD.unpack_from(slot)
            if number == process and length:
                return bytes(slot[_HEAD.size : _HEAD.size + length]).decode(errors="replace")
        return None


def note_reading(what: str) -> None:
    """Note what this process reads next; does nothing outside of a watched worker."""
    if _slot is not None:
        text = what.encode(errors="replace")[: _SLOT - _HEAD.size]
        _slot[_HEAD.size : _HEAD.size + len(text)] = text
        _HEAD.pack_into(_slot, 0, os.getpid(), len(text))


def watch_workers(loader: DataLoader) -> None:
    """Let the workers of a loader note what they read, in `loader.reading_notes`."""
    notes = ReadingNotes(loader.num_workers)
    loader.worker_init_fn = _NotingInit(notes, loader.worker_init_fn)
    loader.reading_notes = notes  # type: ignore[attr-defined]  # an attribute of our own


class _NotingInit:
    def __init__(self, notes: ReadingNotes, init: Callable[[int], None] | None) -> None:
        self.notes, self.init = notes, init

    def __call__(self, worker: int) -> None:
        global _slot
        _slot = self.notes.slot(worker)
        if self.init is not None:
            self.init(worker)
