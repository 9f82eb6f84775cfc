"""Comparing a network with predictors that ignore the image."""

from collections.abc import Mapping, Sequence
from typing import Any

from mtl_plugins.evaluation import trivial_scores
from mtl_plugins.kinds import kind_of_task
from mtl_plugins.kinds.metric_direction import split_metric


def trivial_table(
    dataset: Any, metrics: Sequence[Any] | Any, scores: Mapping[str, float], kinds: Mapping[str, str] | None = None
) -> str:
    """Format a network's scores next to those of trivial predictors on the same set, as a table in plain text.

    Args:
        dataset: The evaluation set; see `trivial_scores`.
        metrics: The metrics; see `trivial_scores`.
        scores: The network's scores, `{"depth/rmse": 0.5, ...}`.
        kinds: Kinds of tasks, `{task: name of the kind}`; see `kind_of_task`.
    """
    trivial = trivial_scores(dataset, metrics)
    rows = [("metric", "network", "trivial", "ratio", "the trivial predictor")]
    for key in trivial:
        task, name = split_metric(key)
        kind = kind_of_task(task.rpartition("/")[2], kinds=kinds)
        if name == kind.headline and kind.trivial_predictor and key in scores:
            ratio = scores[key] / trivial[key] if trivial[key] else float("nan")
            rows.append((key, f"{scores[key]:.4g}", f"{trivial[key]:.4g}", f"{ratio:.2f}", kind.trivial_predictor))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )
