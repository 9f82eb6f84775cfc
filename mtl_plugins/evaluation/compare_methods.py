"""Runs of several methods, summarised as the rows of a table."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import mean

from .multi_task_gain import mean_ranks, multi_task_gain


@dataclass(frozen=True)
class MethodRun:
    """One trained and evaluated network.

    Attributes:
        method: Name of the method.
        seed: Random seed.
        scores: Scores by metric key; None if one is undefined.
        step_seconds: Duration of a training step, in seconds; None if unknown.
        peak_memory: The most memory that the training held, in MiB; None if unknown.
    """

    method: str
    seed: int
    scores: Mapping[str, float | None]
    step_seconds: float | None = None
    peak_memory: float | None = None


@dataclass
class MethodSummary:
    """The runs of one method. Each list has one value per run that has one.

    Attributes:
        method: Name of the method.
        seeds: Random seeds of the runs.
        scores: Finite scores by metric key.
        gains: Δm in percent; see `multi_task_gain`. Empty without single-task networks.
        rank: Mean rank; see `mean_ranks`. None for the single-task networks.
        step_seconds: Durations of a training step, in seconds.
        peak_memory: Peak memory of the trainings, in MiB.
    """

    method: str
    seeds: list[int]
    scores: dict[str, list[float]]
    gains: list[float] = field(default_factory=list)
    rank: float | None = None
    step_seconds: list[float] = field(default_factory=list)
    peak_memory: list[float] = field(default_factory=list)


def compare_methods(
    runs: Sequence[MethodRun], single_task: Sequence[MethodRun], higher_is_better: Mapping[str, bool]
) -> list[MethodSummary]:
    """Summarise the runs of each method, in the order of their first runs.

    Δm of a run is relative to the mean score of the single-task networks over their seeds. The ranks compare the
    methods' mean scores over seeds.

    Args:
        runs: Runs of the methods.
        single_task: Runs of single-task networks, each with the scores of its own task only. They become the first
            row: their steps add up to the time of a step, and the largest of them gives the memory.
        higher_is_better: The metrics of Δm and of the rank, and whether a higher value is better.
    """
    rows = [_summary([run for run in runs if run.method == name]) for name in dict.fromkeys(r.method for r in runs)]
    ranks = mean_ranks({row.method: _means(row) for row in rows}, higher_is_better)
    for row in rows:
        row.rank = ranks[row.method]
    if not single_task:
        return rows
    seeds = dict.fromkeys(run.seed for run in single_task)
    baseline = _summary([_joined([run for run in single_task if run.seed == seed]) for seed in seeds])
    for row in rows:
        gains = [
            multi_task_gain(run.scores, _means(baseline), higher_is_better) for run in runs if run.method == row.method
        ]
        row.gains = [gain for gain in gains if math.isfinite(gain)]
    return [baseline, *rows]


def _summary(runs: Sequence[MethodRun]) -> MethodSummary:
    keys = dict.fromkeys(key for run in runs for key in run.scores)
    scores = {key: [run.scores.get(key) for run in runs] for key in keys}
    return MethodSummary(
        method=runs[0].method,
        seeds=[run.seed for run in runs],
        scores={key: [v for v in values if v is not None and math.isfinite(v)] for key, values in scores.items()},
        step_seconds=[run.step_seconds for run in runs if run.step_seconds is not None],
        peak_memory=[run.peak_memory for run in runs if run.peak_memory is not None],
    )


def _joined(runs: Sequence[MethodRun]) -> MethodRun:
    """The single-task networks of one seed as one run."""
    seconds = [run.step_seconds for run in runs if run.step_seconds is not None]
    memory = [run.peak_memory for run in runs if run.peak_memory is not None]
    return MethodRun(
        method=runs[0].method,
        seed=runs[0].seed,
        scores={key: value for run in runs for key, value in run.scores.items()},
        step_seconds=sum(seconds) if len(seconds) == len(runs) else None,
        peak_memory=max(memory, default=None),
    )


def _means(row: MethodSummary) -> dict[str, float | None]:
    return {key: mean(values) if values else None for key, values in row.scores.items()}
