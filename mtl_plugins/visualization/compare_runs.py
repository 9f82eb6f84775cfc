"""Curves of several runs in one picture."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mtl_plugins.did_you_mean import did_you_mean
from mtl_plugins.kinds.metric_direction import higher_is_better, is_headline, metric_unit

from .curves import draw_loss, finish_axes
from .grid_columns import grid_columns
from .scalars import SCALARS_FILE, Line, points_of, read_scalars
from .write_figure import write_figure

COLUMNS = 3
DIRECTIONS = {True: "higher is better", False: "lower is better"}


@dataclass(frozen=True)
class RunCurve:
    """One metric of one run.

    Attributes:
        run: Name of the run: the end of its path that distinguishes it from the others.
        metric: Key of the metric.
        training: Whether it is a value of the training, such as a loss, rather than of the validation.
        unit: What the steps count, `'epoch'` or `'iteration'`.
        steps: Steps, ascending.
        values: The metric at these steps.
    """

    run: str
    metric: str
    training: bool
    unit: str
    steps: np.ndarray
    values: np.ndarray

    @property
    def higher_is_better(self) -> bool | None:
        """Whether a higher value is better; `None` if that is unknown, and for values of the training."""
        return None if self.training else higher_is_better(self.metric)

    @property
    def best(self) -> tuple[float, int] | None:
        """The best value and its step; `None` for values of the training and metrics of unknown direction."""
        higher = self.higher_is_better
        if higher is None or not np.isfinite(self.values).any():
            return None
        at = int(np.nanargmax(self.values) if higher else np.nanargmin(self.values))
        return float(self.values[at]), int(self.steps[at])

    def __str__(self) -> str:
        text = f"{self.run}: last {self.values[-1]:.4g}"
        return text if self.best is None else f"{text}, best {self.best[0]:.4g} at {self.unit} {self.best[1]}"


def read_runs(run_dirs: Sequence[str | Path], metrics: Sequence[str]) -> dict[str, list[RunCurve]]:
    """Read some metrics of several runs.

    Args:
        run_dirs: Work directories of trainings.
        metrics: Keys of validation metrics (`'semseg/mIoU'`) or training scalars (`'depth.loss_berhu'`, `'lr'`).

    Returns:
        `{metric: curves}`, without the runs that do not have the metric.

    Raises:
        FileNotFoundError: A folder does not exist or has no logs.
        ValueError: No run has a metric, or the runs count its steps in different units.
    """
    folders = list(dict.fromkeys(Path(folder) for folder in run_dirs))
    scalars = {folder: _read(folder) for folder in folders}
    names = dict(zip(folders, _short_names(folders), strict=True))
    result = {}
    for metric in dict.fromkeys(metrics):
        found = [_curve(names[folder], metric, lines["train"], lines["val"]) for folder, lines in scalars.items()]
        curves = [curve for curve in found if curve is not None]
        if not curves:
            known = sorted({key for lines in scalars.values() for part in lines.values() for key in _keys(part)})
            raise ValueError(
                f"No run has the metric {metric!r}: {did_you_mean(metric, known)}The runs have {', '.join(known)}."
            )
        _check_units(curves)
        result[metric] = curves
    return result


def plot_runs(curves: dict[str, list[RunCurve]], out_file: str | Path) -> Path:
    """Plot each metric, with one curve per run.

    Args:
        curves: `{metric: curves}`, as `read_runs` returns them.
        out_file: The picture; its folder is created.

    Returns:
        The path of the picture.
    """
    # The object-oriented interface: pyplot keeps global state and selects a window system.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    columns = grid_columns(len(curves), COLUMNS)
    rows = -(-len(curves) // columns)
    figure = Figure(figsize=(6.4 * columns, 4.2 * rows), dpi=110, layout="constrained")
    FigureCanvasAgg(figure)
    colours = {run: f"C{i}" for i, run in enumerate(dict.fromkeys(c.run for part in curves.values() for c in part))}
    for i, (metric, runs) in enumerate(curves.items()):
        axes = figure.add_subplot(rows, columns, i + 1)
        for curve in runs:
            colour = colours[curve.run]
            if curve.training:
                draw_loss(axes, str(curve), curve.steps, curve.values, colour)
            else:  # every value counts, for example the best one
                axes.plot(
                    curve.steps, curve.values, label=str(curve), color=colour, linewidth=1.4, marker="o", markersize=3
                )
        direction = runs[0].higher_is_better
        notes = [metric_unit(metric), "" if direction is None else DIRECTIONS[direction]]
        finish_axes(axes, metric, runs[0].unit, ", ".join([metric, *filter(None, notes)]))
    write_figure(figure, out_file)
    return Path(out_file)


def _read(folder: Path) -> dict[str, list[Line]]:
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder} is not a folder. Pass the work directories of trainings.")
    scalars = read_scalars(folder)
    if not any(scalars.values()):
        hint = ""
        if (folder / SCALARS_FILE).is_file():
            hint = f" It is the log of one start of a training: pass {folder.resolve().parent}."
        raise FileNotFoundError(
            f"{folder} has no logs: no scalars in */{SCALARS_FILE}.{hint or ' Pass the work directory of a training.'}"
        )
    return scalars


def _curve(run: str, metric: str, train: Sequence[Line], val: Sequence[Line]) -> RunCurve | None:
    by_epoch = any("epoch" in line for line in train)
    steps, values = points_of(val, metric, "step")
    if len(steps):
        return RunCurve(run, metric, False, "epoch" if by_epoch else "iteration", steps, values)
    steps, values = points_of(train, metric, "iter")
    return RunCurve(run, metric, True, "iteration", steps, values) if len(steps) else None


def _check_units(curves: Sequence[RunCurve]) -> None:
    units = {curve.unit for curve in curves}
    if len(units) > 1:  # validation by epoch and by iteration
        counts = ", ".join(f"{curve.run} by {curve.unit}" for curve in curves)
        raise ValueError(
            f"The runs do not have a common axis for {curves[0].metric!r}: {counts}. Compare runs that validate by "
            "epoch with each other, and those that validate by iteration; training losses always have iterations."
        )


def _keys(lines: Sequence[Line]) -> set[str]:
    keys = {key for line in lines for key, value in line.items() if isinstance(value, int | float)}
    return {key for key in keys if is_headline(key)}


def _short_names(folders: Sequence[Path]) -> list[str]:
    """The shortest ends of the paths that differ from each other."""
    parts = [folder.resolve().parts for folder in folders]
    for number in range(1, max(map(len, parts)) + 1):
        names = ["/".join(part[-number:]) for part in parts]
        if len(set(names)) == len(names):
            break
    return names
