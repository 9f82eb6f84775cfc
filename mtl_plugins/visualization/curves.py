from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mtl_plugins.kinds.metric_direction import is_headline, metric_unit, split_metric

from .balance_panels import WEIGHT, balanced_tasks, draw_cosines, mean_cosines, spans_decades
from .grid_columns import grid_columns
from .scalars import Curve, Line, points_of
from .write_figure import write_figure

COLUMNS = 4
SUM = "all tasks"
SMOOTH_FROM = 40  # points: longer loss curves are drawn faintly, with their running mean


def plot_curves(scalars: Mapping[str, Sequence[Line]], out_file: str | Path) -> Path | None:
    """Plot each task's losses in training and its metrics in validation as one PNG.

    Args:
        scalars: `{"train": lines, "val": lines}`, as `join_scalars` returns them.
        out_file: The picture; its folder is created.

    Returns:
        The path, or `None` if there is nothing to plot (then no file is written).
    """
    # The object-oriented interface: pyplot keeps global state and selects a window system.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    losses, metrics = _losses(scalars["train"]), _metrics(scalars["val"])
    balance = _balance(scalars["train"])
    by_epoch = any("epoch" in line for line in scalars["train"])
    if not losses and not metrics:
        return None
    single = len(losses) == 1  # then the metrics follow in the same row
    wanted = 1 + len(metrics) if single else max(len(losses), len(metrics))
    columns = grid_columns(wanted, COLUMNS)
    first_metric = len(losses) if single else -(-len(losses) // columns) * columns
    first_balance = first_metric + len(metrics)
    if balance and not single:
        first_balance = -(-first_balance // columns) * columns
    rows = -(-(first_balance + len(balance)) // columns)
    figure = Figure(figsize=(3.6 * columns, 2.7 * rows), dpi=110, layout="constrained")
    FigureCanvasAgg(figure)
    grid = figure.add_gridspec(rows, columns)
    for i, (title, curves) in enumerate(losses.items()):
        axes = figure.add_subplot(grid[divmod(i, columns)])
        for name, (steps, values) in curves.items():
            draw_loss(axes, name, steps, values)
        finish_axes(axes, title, "iteration", "training loss")
    for i, ((task, unit), curves) in enumerate(metrics.items()):
        axes = figure.add_subplot(grid[divmod(first_metric + i, columns)])
        for name, (steps, values) in curves.items():
            axes.plot(steps, values, marker="o", markersize=3, linewidth=1.4, label=name)
        names = next(iter(curves)) if len(curves) == 1 else "metric"
        label = f"{names} ({unit})" if unit else names
        title = f"{task}, validation" if task else "validation"
        finish_axes(axes, title, "epoch" if by_epoch else "iteration", label, legend=len(curves) > 1)
    for i, draw in enumerate(balance):
        draw(figure.add_subplot(grid[divmod(first_balance + i, columns)]))
    write_figure(figure, out_file)
    return Path(out_file)


def _balance(lines: Sequence[Line]) -> list[Callable[[Any], None]]:
    """What draws the panels about the balance of the tasks: none without a balancer."""
    tasks = balanced_tasks(lines)
    if len(tasks) < 2:
        return []

    def draw_weights(axes):
        curves = {task: points_of(lines, WEIGHT + task, "iter") for task in tasks}
        for task, curve in curves.items():
            draw_loss(axes, task, *curve)
        finish_axes(axes, "weights of the tasks", "iteration", "weight")
        if spans_decades(np.concatenate([values for _, values in curves.values()])):
            axes.set_yscale("log")

    table = mean_cosines(lines, tasks)
    with_cosines = [lambda axes: draw_cosines(axes, table, tasks)] if np.isfinite(table).any() else []
    return [draw_weights, *with_cosines]


def _losses(lines: Sequence[Line]) -> dict[str, dict[str, Curve]]:
    """Loss curves by title: the sum first, then one entry per task (`depth.loss_berhu` belongs to depth).

    The sum is left out if there is only one task.
    """
    groups: dict[str, dict[str, Curve]] = {}
    for key in dict.fromkeys(key for line in lines for key in line):
        task, dot, name = key.rpartition(".")
        if "loss" in key:
            group = groups.setdefault(task if dot else SUM, {})
            group[name if dot else key] = points_of(lines, key, "iter")
    if len(groups) == 2:
        groups.pop(SUM, None)
    return dict(sorted(groups.items(), key=lambda group: group[0] != SUM))


def _metrics(lines: Sequence[Line]) -> dict[tuple[str, str], dict[str, Curve]]:
    """Metric curves by task and unit, without those of single classes."""
    groups: dict[tuple[str, str], dict[str, Curve]] = {}
    for key in dict.fromkeys(key for line in lines for key in line):
        if is_headline(key):
            task, name = split_metric(key)
            groups.setdefault((task, metric_unit(key)), {})[name] = points_of(lines, key, "step")
    tasks = list(dict.fromkeys(task for task, _ in groups))
    return dict(sorted(groups.items(), key=lambda group: tasks.index(group[0][0])))


def draw_loss(axes: Any, name: str, steps: np.ndarray, values: np.ndarray, colour: str | None = None) -> None:
    """Draw a curve on matplotlib axes: long ones faintly, with their running mean."""
    if len(values) < SMOOTH_FROM:
        axes.plot(steps, values, linewidth=1.4, label=name, color=colour, marker=_marker(steps))
        return
    window = max(3, len(values) // 40) | 1
    padded = np.pad(values, window // 2, mode="edge")
    smooth = np.convolve(padded, np.ones(window) / window, mode="valid")
    (line,) = axes.plot(steps, smooth, linewidth=1.6, label=name, color=colour)
    axes.plot(steps, values, linewidth=0.7, alpha=0.3, color=line.get_color())


def _marker(steps: np.ndarray) -> str | None:
    """A single point is invisible without one."""
    return "o" if len(steps) == 1 else None


def finish_axes(axes: Any, title: str, x_label: str, y_label: str, legend: bool = True) -> None:
    """Write the texts of matplotlib axes and style them; the x-axis has integer ticks."""
    axes.set_title(title, fontsize=10)
    axes.set_xlabel(x_label, fontsize=9)
    axes.set_ylabel(y_label, fontsize=9)
    axes.tick_params(labelsize=8)
    axes.grid(alpha=0.25)
    low, high = axes.get_xlim()
    if high - low < 1:  # a single epoch
        middle = round((low + high) / 2)
        axes.set_xlim(middle - 1, middle + 1)
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.spines[["top", "right"]].set_visible(False)
    if legend:
        axes.legend(fontsize=7, framealpha=0.7, edgecolor="none")
