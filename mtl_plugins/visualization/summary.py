"""Tables of metrics in plain text."""

import math
from collections.abc import Mapping, Sequence
from statistics import mean, stdev
from typing import Any

from mtl_plugins.kinds.metric_direction import higher_is_better, is_headline, metric_unit, split_metric

#: `{metric key: (best value, its step)}`
Best = dict[str, tuple[float, int]]

_TWO_DECIMALS = ("%", "deg", "x100")  # units whose values need no more


def update_best(
    best: Mapping[str, tuple[float, int]],
    metrics: Mapping[str, Any],
    step: int,
    greater: Mapping[str, bool] | None = None,
) -> Best:
    """Replace the best values so far with those that `metrics` improves.

    Args:
        best: The best values so far.
        metrics: New values by metric key.
        step: Their step.
        greater: Whether a higher value is better, for metrics whose direction `higher_is_better` does not know. Other
            metrics of unknown direction have no best value.

    Returns:
        The new best values; `best` does not change.
    """
    updated = dict(best)
    for key, value in metrics.items():
        higher = (greater or {}).get(key, higher_is_better(key))
        if higher is None or not is_headline(key) or not _is_finite(value):
            continue
        if key not in updated or (value > updated[key][0] if higher else value < updated[key][0]):
            updated[key] = (float(value), step)
    return updated


def summary_table(
    metrics: Mapping[str, Any], best: Mapping[str, tuple[float, int]] | None = None, unit: str = "epoch"
) -> str:
    """Format metrics as aligned columns, with one block per task.

    Args:
        metrics: Values by metric key.
        best: The best values so far, as `update_best` returns them, to add to each block.
        unit: Unit of their steps.
    """
    tasks: dict[str, list[str]] = {}
    for key, value in metrics.items():
        if is_headline(key) and isinstance(value, int | float):
            tasks.setdefault(split_metric(key)[0], []).append(key)
    rows = []
    for task, keys in tasks.items():
        rows.append([task, *(f"{split_metric(key)[1]} {metric_unit(key)}".strip() for key in keys)])
        rows.append(["  now" if best is not None else "", *(_number(key, metrics[key]) for key in keys)])
        if best is not None:
            found = [best.get(key) for key in keys]
            pairs = zip(keys, found, strict=True)
            rows.append(["  best", *(_number(key, b[0]) if b else "-" for key, b in pairs)])
            rows.append([f"  at {unit}", *(str(b[1]) if b else "-" for b in found)])
    return _aligned(rows)


def mean_and_spread(values: Sequence[float], digits: int) -> str:
    """The mean of some values, and their sample standard deviation if there are several; `–` without a value.

    Examples:
        >>> mean_and_spread([1.0, 3.0], digits=1), mean_and_spread([2.0], digits=2), mean_and_spread([], digits=1)
        ('2.0 ± 1.4', '2.00', '–')
    """
    if not values:
        return "–"
    spread = f" ± {stdev(values):.{digits}f}" if len(values) > 1 else ""
    return f"{mean(values):.{digits}f}{spread}"


def markdown_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Format cells as a table in Markdown."""
    first, *others = (f"| {' | '.join(cells)} |" for cells in (header, *rows))
    return "\n".join([first, "|" + "---|" * len(header), *others])


def text_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Format cells as aligned columns in plain text; the first column is aligned to the left."""
    return _aligned([list(header), *map(list, rows)])


def _is_finite(value: Any) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)


def _number(key: str, value: float) -> str:
    if not math.isfinite(value):
        return "-"
    return f"{value:.2f}" if metric_unit(key) in _TWO_DECIMALS else f"{value:.4f}"


def _aligned(rows: list[list[str]]) -> str:
    columns = max((len(row) for row in rows), default=0)
    widths = [max(len(row[i]) for row in rows if i < len(row)) for i in range(columns)]
    lines = [
        "  ".join([row[0].ljust(widths[0]), *(c.rjust(w) for c, w in zip(row[1:], widths[1:], strict=False))])
        for row in rows
    ]
    return "\n".join(line.rstrip() for line in lines)
