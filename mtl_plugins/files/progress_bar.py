import contextlib
import time
from collections.abc import Callable, Iterator


@contextlib.contextmanager
def progress_bar(
    title: str, total: int | None, unit: str = "images", show: bool = True
) -> Iterator[Callable[..., None]]:
    """A bar with count, rate and remaining time; yields ``advance(n=1, counts=True)``.

    What was finished in an earlier run advances the bar with ``counts=False``: the rate is that of this run's work.
    The bar starts with the first ``advance``, not before: it starts a thread, and workers may be forked until then.

    Args:
        total: None where it is not known.
        unit: ``'MB'`` counts bytes and shows megabytes.
    """
    if not show:
        yield lambda n=1, counts=True: None
        return
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn(title, markup=False), BarColumn(), TextColumn("{task.fields[text]}", markup=False))
    bar = Progress(*columns, TextColumn("left"), TimeRemainingColumn())
    task, began, done, count = bar.add_task("", total=total, text=""), time.perf_counter(), 0, 0
    scale, digits = (1e6, 1) if unit == "MB" else (1, 0)

    def advance(n=1, counts=True):
        nonlocal done, count
        bar.start()
        done, count = done + n, count + n * counts
        text = f"{done / scale:.{digits}f}" + ("" if total is None else f"/{total / scale:.{digits}f}")
        rate = count / scale / max(time.perf_counter() - began, 1e-9)
        bar.update(task, text=f"{text} {rate:.1f} {unit}/s" if count else text)
        if counts:
            bar.advance(task, n)
        else:  # starts rich's estimate of the remaining time anew
            bar.reset(task, completed=done)

    try:
        yield advance
    finally:
        bar.stop()
