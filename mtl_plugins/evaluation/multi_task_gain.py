"""Scores of methods compared with each other: the gain over single-task networks, and the mean rank."""

import math
from collections import defaultdict
from collections.abc import Mapping
from statistics import mean

from mtl_plugins.kinds.metric_direction import split_metric


def multi_task_gain(
    scores: Mapping[str, float | None],
    single_task: Mapping[str, float | None],
    higher_is_better: Mapping[str, bool],
) -> float:
    """Δm: how much better a multi-task network is than one network per task, in percent.

    Δm = 100 / T · Σ_t s_t · (M_t - B_t) / B_t, where M_t is the network's metric of task t, B_t that of the single-task
    network, and s_t is -1 if a lower value is better and 1 otherwise (Vandenhende et al., Multi-Task Learning for Dense
    Prediction Tasks: A Survey, TPAMI 2021). If a task has several metrics, their relative gains are averaged first, so
    that each task has the same weight (Lin et al., Reasonable Effectiveness of Random Weighting, TMLR 2022).

    Args:
        scores: Scores of the multi-task network by metric key.
        single_task: Scores of the single-task networks.
        higher_is_better: The metrics to use, and whether a higher value is better.

    Returns:
        The gain in percent. NaN if a score is missing or not finite, or if the score of a single-task network is 0.
    """
    gains: dict[str, list[float]] = defaultdict(list)
    for key, higher in higher_is_better.items():
        value, base = _number(scores.get(key)), _number(single_task.get(key))
        gain = (value - base) / abs(base) if base else math.nan
        gains[split_metric(key)[0]].append(gain if higher else -gain)
    return 100 * mean(mean(of_task) for of_task in gains.values()) if gains else math.nan


def mean_ranks(
    scores: Mapping[str, Mapping[str, float | None]], higher_is_better: Mapping[str, bool]
) -> dict[str, float]:
    """The mean rank of each method over the metrics; 1 is the best (Navon et al., Nash-MTL, ICML 2022).

    Equal scores share the mean of their ranks. A missing score, or one that is not finite, ranks last.

    Args:
        scores: Scores of each method by metric key.
        higher_is_better: The metrics to use, and whether a higher value is better.
    """
    ranks: dict[str, list[float]] = {method: [] for method in scores}
    for key, higher in higher_is_better.items():
        costs = {method: _cost(of_method.get(key), higher) for method, of_method in scores.items()}
        for method, cost in costs.items():
            better = sum(other < cost for other in costs.values())
            equal = sum(other == cost for other in costs.values())  # at least 1: the method itself
            ranks[method].append(better + (equal + 1) / 2)
    return {method: mean(of_method) if of_method else math.nan for method, of_method in ranks.items()}


def _number(value: float | None) -> float:
    return math.nan if value is None or not math.isfinite(value) else value


def _cost(value: float | None, higher: bool) -> float:
    number = _number(value)
    return math.inf if math.isnan(number) else -number if higher else number
