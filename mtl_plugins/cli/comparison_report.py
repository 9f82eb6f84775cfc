"""What `mtl compare` prints and writes: text, Markdown, JSON and a picture."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from mtl_plugins.evaluation import MethodSummary, compare_methods
from mtl_plugins.files import write_text
from mtl_plugins.kinds import higher_is_better, metric_unit, split_metric
from mtl_plugins.visualization import markdown_table, mean_and_spread, plot_comparison, text_table

from .comparison_jobs import Job, read_run
from .comparison_method import EQUAL

_ARROWS = {True: "↑", False: "↓"}
_FEW_DECIMALS = ("%", "deg", "x100")  # units whose values need two


@dataclass(frozen=True)
class Report:
    """A comparison of methods.

    Attributes:
        rows: The methods; the single-task networks first, if there are any.
        metrics: Metrics of the main table, and whether a higher value is better.
        about: What the reader must know, by name.
        notes: Sentences below the table.
    """

    rows: Sequence[MethodSummary]
    metrics: Mapping[str, bool]
    about: Mapping[str, str]
    notes: Sequence[str]

    @property
    def text(self) -> str:
        """The main table in plain text, with its notes."""
        return "\n".join([text_table(*_main_table(self)), "", *self._lines()])

    @property
    def markdown(self) -> str:
        """The main table, its notes, and a table of all metrics."""
        parts = [markdown_table(*_main_table(self)), "\n".join(f"- {line}" for line in self._lines())]
        return "\n\n".join([*parts, "All metrics:", markdown_table(*_all_metrics(self))]) + "\n"

    @property
    def json(self) -> dict[str, Any]:
        """All numbers."""
        methods = {
            row.method: dict(
                seeds=row.seeds,
                scores={key: _numbers(values) for key, values in row.scores.items()},
                gain_percent=_numbers(row.gains),
                mean_rank=row.rank,
                step_seconds=_numbers(row.step_seconds),
                peak_memory_mib=_numbers(row.peak_memory),
            )
            for row in self.rows
        }
        return dict(about=dict(self.about), metrics=list(self.metrics), methods=methods, notes=list(self.notes))

    def _lines(self) -> list[str]:
        return [*(f"{name}: {value}" for name, value in self.about.items()), *self.notes]


def make_report(jobs: Sequence[Job], metrics: Sequence[str], about: Mapping[str, str]) -> Report:
    """Read the results of the finished jobs and compare them.

    Args:
        jobs: The jobs; those that are not finished are left out.
        metrics: Metrics of the main table, of Δm and of the rank; empty for the main metric of each task.
        about: What the reader must know, by name.
    """
    finished = [job for job in jobs if job.is_finished]
    found = [(job, *read_run(job)) for job in finished]
    runs = [run for job, run, _ in found if job.task is None]
    single = [run for job, run, _ in found if job.task is not None]
    hosts = {host for _, _, host in found}
    known = {key for _, run, _ in found for key in run.scores}
    chosen = [key for key in metrics if key in known] or _main_metrics([run.scores for run in (*runs, *single)])
    directions = {key: higher for key in chosen if (higher := higher_is_better(key)) is not None}
    notes = ["± is the standard deviation over seeds."] if len({job.seed for job in jobs}) > 1 else []
    if single:
        notes.append("Δm is the mean relative gain over the single-task networks; higher is better.")
    notes.append("The rank is the mean over the metrics of the table; 1 is best.")
    if any(run.step_seconds or run.peak_memory for run in runs):
        notes.append(
            "Time is the median training step, memory the peak of the training"
            + (f"; in parentheses relative to {EQUAL}." if any(run.method == EQUAL for run in runs) else ".")
        )
    if single:
        notes.append("Single tasks: the sum of the times, the largest memory.")
    if len(hosts) > 1:
        notes.append(f"The trainings ran on {len(hosts)} machines, so times are not comparable: {', '.join(hosts)}.")
    if len(finished) < len(jobs):
        notes.append(f"{len(jobs) - len(finished)} of {len(jobs)} runs are missing.")
    return Report(compare_methods(runs, single, directions), directions, about, notes)


def write_report(report: Report, path: Path) -> list[Path]:
    """Write a report as JSON, text, Markdown and a picture with the same name; returns the paths.

    Args:
        report: The report.
        path: The JSON file.
    """
    write_text(path, json.dumps(report.json, indent=1, ensure_ascii=False) + "\n")
    text, markdown, picture = (path.with_suffix(suffix) for suffix in (".txt", ".md", ".png"))
    write_text(text, report.text + "\n")
    write_text(markdown, report.markdown)
    plot_comparison(report.rows, report.metrics, picture)
    return [path, text, markdown, picture]


def _main_metrics(scores: Sequence[Mapping[str, Any]]) -> list[str]:
    """The first metric of each task with a known direction; metrics list their main score first."""
    keys = dict.fromkeys(key for of_run in scores for key in of_run)
    first: dict[str, str] = {}
    for key in keys:
        if higher_is_better(key) is not None:
            first.setdefault(split_metric(key)[0], key)
    return list(first.values())


def _main_table(report: Report) -> tuple[list[str], list[list[str]]]:
    equal = next((row for row in report.rows if row.method == EQUAL), None)
    with_gain = any(row.gains for row in report.rows)
    header = ["method", "runs", *map(_title, report.metrics), *(["Δm % ↑"] if with_gain else []), "rank ↓"]
    lines = []
    for row in report.rows:
        cells = [mean_and_spread(row.scores.get(key, []), _digits(key)) for key in report.metrics]
        gain = [mean_and_spread(row.gains, 2)] if with_gain else []
        rank = "–" if row.rank is None or math.isnan(row.rank) else f"{row.rank:.2f}"
        seconds = _relative(row.step_seconds, equal.step_seconds if equal else [], 3)
        memory = _relative(row.peak_memory, equal.peak_memory if equal else [], 0)
        lines.append([row.method, str(len(row.seeds)), *cells, *gain, rank, seconds, memory])
    return [*header, "s / step ↓", "memory MiB ↓"], lines


def _all_metrics(report: Report) -> tuple[list[str], list[list[str]]]:
    """One line per metric, one column per method."""
    keys = dict.fromkeys(key for row in report.rows for key in row.scores)
    lines = [
        [_title(key), *(mean_and_spread(row.scores.get(key, []), _digits(key)) for row in report.rows)] for key in keys
    ]
    return ["metric", *(row.method for row in report.rows)], lines


def _title(key: str) -> str:
    return " ".join(filter(None, (key, metric_unit(key), _ARROWS.get(higher_is_better(key)))))  # type: ignore[arg-type]


def _digits(key: str) -> int:
    return 2 if metric_unit(key) in _FEW_DECIMALS else 4


def _relative(values: Sequence[float], base: Sequence[float], digits: int) -> str:
    if not values:
        return "–"
    factor = f" ({mean(values) / mean(base):.2f}×)" if base else ""
    return f"{mean(values):.{digits}f}{factor}"


def _numbers(values: Sequence[float]) -> dict[str, Any]:
    spread = stdev(values) if len(values) > 1 else None
    return dict(mean=mean(values) if values else None, std=spread, runs=list(values))
