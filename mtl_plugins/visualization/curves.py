from pathlib import Path

import numpy as np

from mtl_plugins.kinds.metric_direction import is_headline, metric_unit, split_metric

COLUMNS = 4
SMOOTH_FROM = 40  # points: a longer loss curve is drawn faint, with its running mean


def plot_curves(scalars, out_file):
    """Losses of each task in training and metrics of each task in validation, as one PNG.

    Args:
        scalars: ``{'train': [...], 'val': [...]}`` as ``join_scalars`` gives them.
        out_file: the picture; its folder is made.

    Returns the path, or None where there is nothing to plot (then nothing is written).
    """
    # The object-oriented interface: pyplot would keep global state and choose a window system.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    losses, metrics = _losses(scalars["train"]), _metrics(scalars["val"])
    by_epoch = any("epoch" in line for line in scalars["train"])
    if not losses and not metrics:
        return None
    columns = min(COLUMNS, max(len(losses), len(metrics)))
    loss_rows, metric_rows = -(-len(losses) // columns), -(-len(metrics) // columns)
    rows = loss_rows + metric_rows
    figure = Figure(figsize=(3.6 * columns, 2.7 * rows), dpi=110, layout="constrained")
    FigureCanvasAgg(figure)
    grid = figure.add_gridspec(rows, columns)
    for i, (title, curves) in enumerate(losses.items()):
        axes = figure.add_subplot(grid[i // columns, i % columns])
        for name, (steps, values) in curves.items():
            _draw_loss(axes, name, steps, values)
        _finish(axes, title, "iteration", "training loss", len(curves))
    for i, ((task, unit), curves) in enumerate(metrics.items()):
        axes = figure.add_subplot(grid[loss_rows + i // columns, i % columns])
        for name, (steps, values) in curves.items():
            axes.plot(steps, values, marker="o", markersize=3, linewidth=1.4, label=name)
        names = next(iter(curves)) if len(curves) == 1 else "metric"
        label = f"{names} ({unit})" if unit else names
        title = f"{task}, validation" if task else "validation"
        _finish(axes, title, "epoch" if by_epoch else "iteration", label, len(curves))
    out_file = Path(out_file)
    out_file.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(out_file)
    return out_file


def _losses(lines):
    """{title: {name: (steps, values)}}: the sum first, then a task each (``depth.loss_berhu`` is depth's)."""
    groups = {}
    for key in dict.fromkeys(key for line in lines for key in line):
        task, dot, name = key.rpartition(".")
        if "loss" in key:
            group = groups.setdefault(task if dot else "all tasks", {})
            group[name if dot else key] = _curve(lines, key, "iter")
    return dict(sorted(groups.items(), key=lambda group: group[0] != "all tasks"))


def _metrics(lines):
    """{(task, unit): {name: (steps, values)}}, without the details of single classes."""
    groups = {}
    for key in dict.fromkeys(key for line in lines for key in line):
        if is_headline(key):
            task, name = split_metric(key)
            groups.setdefault((task, metric_unit(key)), {})[name] = _curve(lines, key, "step")
    tasks = list(dict.fromkeys(task for task, _ in groups))
    return dict(sorted(groups.items(), key=lambda group: tasks.index(group[0][0])))


def _curve(lines, key, step):
    points = [(line[step], line[key]) for line in lines if isinstance(line.get(key), int | float)]
    steps, values = zip(*points, strict=True) if points else ((), ())
    return np.array(steps), np.array(values, dtype=float)


def _draw_loss(axes, name, steps, values):
    if len(values) < SMOOTH_FROM:
        axes.plot(steps, values, linewidth=1.4, label=name)
        return
    window = max(3, len(values) // 40) | 1
    padded = np.pad(values, window // 2, mode="edge")
    smooth = np.convolve(padded, np.ones(window) / window, mode="valid")
    (line,) = axes.plot(steps, smooth, linewidth=1.6, label=name)
    axes.plot(steps, values, linewidth=0.7, alpha=0.3, color=line.get_color())


def _finish(axes, title, x_label, y_label, curves):
    axes.set_title(title, fontsize=10)
    axes.set_xlabel(x_label, fontsize=9)
    axes.set_ylabel(y_label, fontsize=9)
    axes.tick_params(labelsize=8)
    axes.grid(alpha=0.25)
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.spines[["top", "right"]].set_visible(False)
    if curves > 1 or y_label == "training loss":
        axes.legend(fontsize=7, framealpha=0.7, edgecolor="none")
