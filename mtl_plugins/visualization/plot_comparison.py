from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import mean
from typing import TYPE_CHECKING, Protocol

from mtl_plugins.kinds.metric_direction import metric_unit

from .compare_runs import DIRECTIONS
from .grid_columns import grid_columns
from .write_figure import write_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_COLUMNS = 3


class Row(Protocol):
    """The runs of one method, such as `mtl_plugins.evaluation.MethodSummary`."""

    @property
    def method(self) -> str:
        """Name of the method."""

    @property
    def scores(self) -> Mapping[str, Sequence[float]]:
        """One score per run, by metric key."""

    @property
    def gains(self) -> Sequence[float]:
        """Gain over single-task networks in percent, one per run."""

    @property
    def rank(self) -> float | None:
        """Mean rank; None for the single-task networks."""


def plot_comparison(rows: Sequence[Row], metrics: Mapping[str, bool], out_file: str | Path) -> Path:
    """Plot the gain and the metrics of several methods: one dot per run, and a bar at their mean.

    A dashed line shows the mean of the single-task networks.

    Args:
        rows: The methods. One without a rank is the single-task networks.
        metrics: The metrics, and whether a higher value is better.
        out_file: The picture; its folder is created.

    Returns:
        The path of the picture.
    """
    # The object-oriented interface: pyplot keeps global state and selects a window system.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    panels: list[tuple[str, str, list[Sequence[float]], float | None]] = []
    methods = [row for row in rows if row.rank is not None]
    baseline = next((row for row in rows if row.rank is None), None)
    if any(row.gains for row in methods):
        panels.append(("Δm over single tasks", "%, higher is better", [row.gains for row in methods], 0.0))
    for key, higher in metrics.items():
        single = baseline.scores.get(key) if baseline else None
        notes = ", ".join(filter(None, (metric_unit(key), DIRECTIONS[higher])))
        panels.append((key, notes, [row.scores.get(key, []) for row in methods], mean(single) if single else None))
    columns = grid_columns(len(panels), _COLUMNS)
    lines = -(-len(panels) // columns)
    figure = Figure(figsize=(4.6 * columns, lines * (1.2 + 0.32 * len(methods))), dpi=110, layout="constrained")
    FigureCanvasAgg(figure)
    for i, (title, notes, values, line) in enumerate(panels):
        axes = figure.add_subplot(lines, columns, i + 1)
        _draw(axes, [row.method for row in methods], values, line)
        axes.set_title(title, fontsize=9, pad=12)  # above the label of the line
        axes.set_xlabel(notes, fontsize=8)
    write_figure(figure, out_file)
    return Path(out_file)


def _draw(axes: "Axes", names: Sequence[str], values: Sequence[Sequence[float]], line: float | None) -> None:
    for i, of_method in enumerate(values):
        axes.plot(of_method, [i] * len(of_method), "o", color="C0", markersize=4, alpha=0.7)
        if of_method:
            axes.plot([mean(of_method)] * 2, [i - 0.3, i + 0.3], color="C0", linewidth=2)
    if line is not None:
        axes.axvline(line, color="grey", linestyle="--", linewidth=1)
        at_top = axes.get_xaxis_transform()
        axes.text(line, 1.0, "single tasks", fontsize=7, color="grey", ha="center", va="bottom", transform=at_top)
    axes.set_yticks(range(len(names)), names, fontsize=8)
    axes.set_ylim(len(names) - 0.5, -0.5)  # the first method on top
    axes.tick_params(axis="x", labelsize=8)
    axes.grid(axis="x", alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)
