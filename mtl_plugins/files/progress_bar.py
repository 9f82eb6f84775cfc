import contextlib
import time
from collections.abc import Callable, Iterator


@contextlib.contextmanager
def progress_bar(
    title: str, total: int | None, unit: str = "images", show: bool = True
) -> Iterator[Callable[..., None]]:
    """A progress bar with count, rate and remaining time; yields `advance(n=1, counts=True)`.

    Use `counts=False` for work that an earlier run has done: it advances the bar but not the rate. The bar appears with
    the first `advance`, not before, because it starts a thread and worker processes may be forked until then.

    Args:
        title: Text to the left of the bar.
        total: Number of units; None if unknown.
        unit: What is counted; with `'MB'`, `advance` counts bytes and the bar shows megabytes.
        show: Whether to show the bar at all.
    """
    if not show:
        yield lambda n=1, counts=True: None
        return
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn(title, markup=False), BarColumn(), TextColumn("{task.fields[text]}", markup=False))
    bar = Progress(*columns, TextColumn("left"), TimeRemainingColumn())
    task, began, done, count = bar.add_task("", total=total, text=""), time.perf_counter(), 0, 0
    scale, digits = (1e6, 1) if unit == "MB" else (1, 0)

    def advance(n: int = 1, counts: bool = True) -> None:
        nonlocal done, count
        bar.start()
        done, count = done + n, count + n * counts
        text = f"{done / scale:.{digits}f}" + ("" if total is None else f"/{total / scale:.{digits}f}")
        rate = count / scale / max(time.perf_counter() - began, 1e-9)
        bar.update(task, text=f"{text} {rate:.1f} {unit}/s" if count else text)
        if counts:
            bar.advance(task, n)
        else:  # restart rich's estimate of the remaining time
            bar.reset(task, completed=done)

    try:
        yield advance
    finally:
        bar.stop()
