from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from mtl_plugins.kinds.metric_direction import higher_is_better, metric_unit

from .write_figure import write_figure

_ARROWS = {True: " (higher is better)", False: " (lower is better)", None: ""}
_MARKERS = "osD^v"


class Row(Protocol):
    """One network in one backend, such as `mtl_plugins.benchmark.measure_speed_accuracy.SpeedAccuracyRow`."""

    network: str
    backend: str
    height: int
    width: int
    parameters: int
    latency_ms_median: float
    score: float


def plot_speed_accuracy(rows: Sequence[Row], metric: str, out_file: str | Path) -> Path:
    """Plot accuracy against the time per image, with one colour per network and one marker per backend.

    Args:
        rows: The networks, one row per backend.
        metric: Key of the metric that their score is, such as `'semseg/mIoU'`.
        out_file: The picture; its folder is created.

    Returns:
        The path of the picture.
    """
    # The object-oriented interface: pyplot keeps global state and selects a window system.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.ticker import ScalarFormatter

    figure = Figure(figsize=(6.4, 5), dpi=110, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    backends = list(dict.fromkeys(row.backend for row in rows))
    for i, network in enumerate(dict.fromkeys(row.network for row in rows)):
        own = [row for row in rows if row.network == network]
        millions = own[0].parameters / 1e6
        label = f"{network}, {own[0].height}x{own[0].width}, {millions:.1f} M"
        axes.plot([], [], color=f"C{i}", linewidth=4, label=label)
        axes.plot(*_points(own), color=f"C{i}", linewidth=0.8, alpha=0.5)
        for row in own:
            mark = _MARKERS[backends.index(row.backend) % len(_MARKERS)]
            axes.plot(*_points([row]), mark, color=f"C{i}", markersize=7)
    for i, backend in enumerate(backends):
        axes.plot([], [], _MARKERS[i % len(_MARKERS)], color="grey", label=backend)
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(ScalarFormatter())
    axes.xaxis.set_minor_formatter(ScalarFormatter())
    unit = metric_unit(metric)
    axes.set_xlabel("ms per image", fontsize=9)
    axes.set_ylabel(f"{metric}{f', {unit}' if unit else ''}{_ARROWS[higher_is_better(metric)]}", fontsize=9)
    axes.tick_params(labelsize=8, length=4, which="both")
    axes.grid(alpha=0.25, which="both")
    axes.spines[["top", "right"]].set_visible(False)
    # Below the axes, so that it hides no point
    figure.legend(loc="outside lower center", ncols=2, fontsize=7, edgecolor="none")
    write_figure(figure, out_file)
    return Path(out_file)


def _points(rows: Sequence[Row]) -> tuple[list[float], list[float]]:
    return [row.latency_ms_median for row in rows], [row.score for row in rows]
