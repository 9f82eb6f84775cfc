"""Panels of `curves.png` about the balance of tasks: weights over time, and who fights whom."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from .scalars import Line, points_of

WEIGHT, COSINE = "weight/", "cosine/"


def balanced_tasks(lines: Sequence[Line]) -> list[str]:
    """Names of the tasks with a logged weight."""
    keys = dict.fromkeys(key for line in lines for key in line)
    return [key.removeprefix(WEIGHT) for key in keys if key.startswith(WEIGHT)]


def spans_decades(weights: np.ndarray) -> bool:
    """Whether weights need a logarithmic axis: all are positive, and the largest is 20 times the smallest or more."""
    known = weights[np.isfinite(weights)]
    return len(known) > 0 and known.min() > 0 and bool(known.max() >= 20 * known.min())


def mean_cosines(lines: Sequence[Line], tasks: Sequence[str]) -> np.ndarray:
    """Mean logged cosine between the gradients of each pair of tasks, (T, T); NaN where none was logged.

    Args:
        lines: Logged lines of the training.
        tasks: Names of the tasks.
    """
    table = np.full((len(tasks), len(tasks)), np.nan)
    for i, first in enumerate(tasks):
        for j, second in enumerate(tasks):
            _, values = points_of(lines, f"{COSINE}{first}-{second}", "iter")
            values = values[np.isfinite(values)]
            if len(values):
                table[i, j] = table[j, i] = values.mean()
    return table


def draw_cosines(axes: Any, table: np.ndarray, tasks: Sequence[str]) -> None:
    """Draw mean cosines on matplotlib axes: red for tasks that oppose each other, blue for tasks that agree."""
    limit = max(0.3, float(np.nanmax(np.abs(table))) if np.isfinite(table).any() else 0.0)
    axes.imshow(table, cmap="RdBu", vmin=-limit, vmax=limit)
    axes.set_xticks(range(len(tasks)), tasks, fontsize=8, rotation=30, ha="right")
    axes.set_yticks(range(len(tasks)), tasks, fontsize=8)
    for (row, column), value in np.ndenumerate(table):
        if np.isfinite(value):
            dark = abs(value) > 0.6 * limit
            text = f"{value:.2f}".replace("-0.00", "0.00")
            axes.text(column, row, text, ha="center", va="center", fontsize=8, color="white" if dark else "black")
    axes.set_title("mean cosine of gradients", fontsize=10)
