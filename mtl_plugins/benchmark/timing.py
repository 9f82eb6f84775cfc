"""Times of contenders that take turns within one run, and the table of them.

A machine's speed drifts from minute to minute and from neighbour to neighbour, so no time is compared with one of
another run: the contenders alternate (A B A B ...), and what is reported is medians and the median of paired ratios.
"""

import contextlib
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median

import torch

from mtl_plugins.engine import keep_freed_memory

WARM_UP = 3  # calls of each contender that are not counted: kernels are chosen and memory is allocated in the first


@dataclass(frozen=True)
class Row:
    """Speed of one contender; a time is that of one batch, the ratio is in images a second (above 1: faster)."""

    name: str
    images_per_second: float
    ms_median: float
    ms_min: float
    ms_max: float
    ratio_to_baseline: float


@dataclass(frozen=True)
class Section:
    """One comparison: its rows, further figures by name, and sentences for people."""

    title: str
    rows: tuple[Row, ...] = ()
    figures: dict[str, float | bool] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def alternate(
    contenders: Mapping[str, Callable[[], object]],
    rounds: int,
    steps: int,
    warm_up: int = WARM_UP,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, list[list[float]]]:
    """Seconds of each call, ``{name: [[of a round's steps], ...]}``; in each round every contender has its turn."""
    for contender in contenders.values():
        for _ in range(warm_up):
            contender()
    times = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, contender in contenders.items():
            contender()  # not counted: threads of the one before may still spin, and caches are cold
            turn = []
            for _ in range(steps):
                start = clock()
                contender()
                turn.append(clock() - start)
            times[name].append(turn)
    return times


def contender(call: Callable[[], object], model: torch.nn.Module, keep_memory: bool) -> Callable[[], None]:
    """A call as ``alternate`` times it: until the model's device has finished.

    ``keep_memory``: whether, on a CPU, freed memory is kept as in training, or given back: the C library's own way,
    which is what one gets without us.
    """
    synchronize, on_cpu = synchronizer(model), next(model.parameters()).device.type == "cpu"

    def run():
        if on_cpu:
            keep_freed_memory(keep_memory)
        call()
        synchronize()

    return run


def paired_ratio(baseline: Sequence[Sequence[float]], turns: Sequence[Sequence[float]]) -> float:
    """Median over the rounds of (baseline's median / contender's median).

    A round that a neighbour disturbed changes it little, and a drift of the whole machine not at all.
    """
    return median(median(base) / median(turn) for base, turn in zip(baseline, turns, strict=True))


def to_rows(times: Mapping[str, Sequence[Sequence[float]]], images: int, prefix: str = "") -> tuple[Row, ...]:
    """Rows of ``alternate``'s times for batches of ``images``; ``paired_ratio`` to the first contender."""
    baseline = next(iter(times.values()))
    return tuple(
        to_row(prefix + name, [second for turn in turns for second in turn], images, paired_ratio(baseline, turns))
        for name, turns in times.items()
    )


def to_row(name: str, seconds: Sequence[float], images: int, ratio: float) -> Row:
    """A row of the seconds that each batch of ``images`` took."""
    middle = median(seconds)
    return Row(name, images / middle, 1e3 * middle, 1e3 * min(seconds), 1e3 * max(seconds), ratio)


class Stopwatch:
    """Seconds that named functions take, while they are wrapped by ``watching``."""

    def __init__(self, synchronize: Callable[[], object] = lambda: None):
        self.seconds = defaultdict(float)
        self.synchronize = synchronize

    def wrap(self, name: str, function: Callable) -> Callable:
        def timed(*args, **kwargs):
            start = time.perf_counter()
            result = function(*args, **kwargs)
            self.synchronize()
            self.seconds[name] += time.perf_counter() - start
            return result

        return timed

    @contextlib.contextmanager
    def watching(self, methods: Sequence[tuple[str, object, str]]):
        """Within the context each ``(name, owner, attribute)`` counts towards ``name``."""
        with contextlib.ExitStack() as stack:
            for name, owner, attribute in methods:
                stack.enter_context(_replaced(owner, attribute, self.wrap(name, getattr(owner, attribute))))
            yield self


@contextlib.contextmanager
def _replaced(owner, attribute, value):
    """Set an attribute of an object (not of its class) within the context."""
    before = vars(owner).get(attribute)
    setattr(owner, attribute, value)
    try:
        yield
    finally:
        if before is None:
            delattr(owner, attribute)
        else:
            setattr(owner, attribute, before)


def synchronizer(model: torch.nn.Module) -> Callable[[], None]:
    """Waits until the device that ``model`` is on has finished; on a CPU there is nothing to wait for."""
    device = next(model.parameters()).device
    return getattr(torch, device.type).synchronize if device.type != "cpu" else lambda: None


def format_section(section: Section) -> str:
    """A section as a text table, its notes below."""
    lines = [section.title]
    if section.rows:
        cells = [("", "images/s", "ms", "min", "max", "ratio")]
        for row in section.rows:
            times = (f"{value:.1f}" for value in (row.ms_median, row.ms_min, row.ms_max))
            cells.append((row.name, f"{row.images_per_second:.2f}", *times, f"{row.ratio_to_baseline:.2f}"))
        first, *others = (max(map(len, column)) for column in zip(*cells, strict=True))
        for name, *numbers in cells:
            padded = (number.rjust(width) for number, width in zip(numbers, others, strict=True))
            lines.append("  ".join([f"  {name.ljust(first)}", *padded]))
    return "\n".join([*lines, *(f"  {note}" for note in section.notes)])
