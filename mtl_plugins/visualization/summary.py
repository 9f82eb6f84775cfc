import math

from mtl_plugins.kinds.metric_direction import higher_is_better, is_headline, metric_unit, split_metric


def update_best(best, metrics, step, greater=None):
    """A new ``{key: (value, step)}`` in which ``metrics`` of ``step`` have taken the place of what they beat.

    ``greater``: {key: bool} for metrics whose name does not say which direction is better; the others have no
    best.
    """
    best = dict(best)
    for key, value in metrics.items():
        up = (greater or {}).get(key, higher_is_better(key))
        if up is None or not is_headline(key) or not _is_finite(value):
            continue
        if key not in best or (value > best[key][0] if up else value < best[key][0]):
            best[key] = (float(value), step)
    return best


def summary_table(metrics, best=None, unit="epoch"):
    """Metrics as plain text in aligned columns, a block for each task.

    With ``best``, as ``update_best`` gives it, the best value so far and its ``unit`` stand below each.
    """
    tasks = {}
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


def _is_finite(value):
    return isinstance(value, int | float) and math.isfinite(value)


def _number(key, value):
    if not math.isfinite(value):
        return "-"
    return f"{value:.2f}" if metric_unit(key) in ("%", "deg", "x100") else f"{value:.4f}"


def _aligned(rows):
    columns = max((len(row) for row in rows), default=0)
    widths = [max(len(row[i]) for row in rows if i < len(row)) for i in range(columns)]
    lines = [
        "  ".join([row[0].ljust(widths[0]), *(c.rjust(w) for c, w in zip(row[1:], widths[1:], strict=False))])
        for row in rows
    ]
    return "\n".join(line.rstrip() for line in lines)
