"""The results of a comparison as rows, figures and notes, and as a text table."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median

from .timing import paired_ratio


@dataclass(frozen=True)
class Row:
    """The speed of one contender.

    Attributes:
        name: Name of the contender.
        images_per_second: Batch size divided by the median time.
        ms_median: Median time of a batch in milliseconds.
        ms_min: Shortest time of a batch in milliseconds.
        ms_max: Longest time of a batch in milliseconds.
        ratio_to_baseline: Speed relative to the baseline; above 1 is faster.
    """

    name: str
    images_per_second: float
    ms_median: float
    ms_min: float
    ms_max: float
    ratio_to_baseline: float


@dataclass(frozen=True)
class Section:
    """One comparison.

    Attributes:
        title: What was compared.
        rows: One row per contender.
        figures: Further numbers by name.
        notes: Sentences for the printed report.
    """

    title: str
    rows: tuple[Row, ...] = ()
    figures: dict[str, float | bool] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def to_rows(times: Mapping[str, Sequence[Sequence[float]]], images: int, prefix: str = "") -> tuple[Row, ...]:
    """Make one row per contender.

    Args:
        times: The result of `timing.alternate`; the first contender is the baseline.
        images: Images per batch.
        prefix: Put before the contenders' names.
    """
    baseline = next(iter(times.values()))
    return tuple(
        to_row(prefix + name, [second for turn in turns for second in turn], images, paired_ratio(baseline, turns))
        for name, turns in times.items()
    )


def to_row(name: str, seconds: Sequence[float], images: int, ratio: float) -> Row:
    """Make a row from the seconds that each batch of `images` images took."""
    middle = median(seconds)
    return Row(name, images / middle, 1e3 * middle, 1e3 * min(seconds), 1e3 * max(seconds), ratio)


def format_section(section: Section) -> str:
    """A section as a text table with its notes."""
    lines = [section.title]
    if section.rows:
        cells: list[tuple[str, ...]] = [("", "images/s", "ms", "min", "max", "ratio")]
        for row in section.rows:
            times = (f"{value:.1f}" for value in (row.ms_median, row.ms_min, row.ms_max))
            cells.append((row.name, f"{row.images_per_second:.2f}", *times, f"{row.ratio_to_baseline:.2f}"))
        first, *others = (max(map(len, column)) for column in zip(*cells, strict=True))
        for name, *numbers in cells:
            padded = (number.rjust(width) for number, width in zip(numbers, others, strict=True))
            lines.append("  ".join([f"  {name.ljust(first)}", *padded]))
    return "\n".join([*lines, *(f"  {note}" for note in section.notes)])
