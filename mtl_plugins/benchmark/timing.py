"""Timing contenders alternately within one run.

The speed of a machine drifts from minute to minute and depends on other processes, so times of different runs are never
compared. Instead, the contenders alternate (A B A B …), and medians and the median of paired ratios are reported.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from statistics import median
from typing import TypeVar

import torch

from mtl_plugins.engine import keep_freed_memory

Key = TypeVar("Key")

#: Calls of each contender that are not timed: the first ones select kernels and allocate memory.
WARM_UP = 3


def alternate(
    contenders: Mapping[Key, Callable[[], object]],
    rounds: int,
    steps: int,
    warm_up: int = WARM_UP,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[Key, list[list[float]]]:
    """Time contenders alternately: in each round, each of them is called several times in a row.

    Args:
        contenders: Functions by name.
        rounds: Number of rounds.
        steps: Timed calls of each contender per round.
        warm_up: Calls of each contender before the first round.
        clock: Returns the time in seconds.

    Returns:
        Seconds of each call: `{name: [[steps of a round], …]}`.
    """
    for contender in contenders.values():
        for _ in range(warm_up):
            contender()
    times: dict[Key, list[list[float]]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, contender in contenders.items():
            contender()  # not timed: threads of the previous contender may still spin, and caches are cold
            turn = []
            for _ in range(steps):
                start = clock()
                contender()
                turn.append(clock() - start)
            times[name].append(turn)
    return times


def contender(call: Callable[[], object], model: torch.nn.Module, keep_memory: bool) -> Callable[[], None]:
    """A function for `alternate` that returns when the model's device has finished.

    Args:
        call: What to time.
        model: A model on the device.
        keep_memory: On a CPU, whether freed memory is kept for the next allocation, as in training, or returned to the
            system, which is glibc's default.
    """
    synchronize, on_cpu = synchronizer(model), next(model.parameters()).device.type == "cpu"

    def run() -> None:
        if on_cpu:
            keep_freed_memory(keep_memory)
        call()
        synchronize()

    return run


def paired_ratio(baseline: Sequence[Sequence[float]], turns: Sequence[Sequence[float]]) -> float:
    """How many times faster than the baseline: the median over the rounds of the ratio of a round's median times.

    A disturbed round has little influence, and a drift of the machine's speed has none.

    Args:
        baseline: Seconds of the baseline in each round.
        turns: Seconds of the contender in each round.
    """
    return median(median(base) / median(turn) for base, turn in zip(baseline, turns, strict=True))


def synchronizer(model: torch.nn.Module) -> Callable[[], None]:
    """A function that waits until the model's device has finished; on a CPU it does nothing."""
    device = next(model.parameters()).device
    return getattr(torch, device.type).synchronize if device.type != "cpu" else lambda: None
