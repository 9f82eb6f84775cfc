import contextlib
import time
from collections.abc import Callable, Iterator


@contextlib.contextmanager
def progress_bar(title: str, total: int, unit: str = "images", show: bool = True) -> Iterator[Callable[..., None]]:
    """A bar with count, rate and remaining time; yields ``advance(n=1, counts=True)``.

    What was finished in an earlier run advances the bar with ``counts=False``: the rate is that of this run's work.
    The bar starts with the first ``advance``, not before: it starts a thread, and workers may be forked until then.
    """
    if not show:
        yield lambda n=1, counts=True: None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn(title), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[rate]}"))
    bar = Progress(*columns, TextColumn("left"), TimeRemainingColumn())
    task, began, count = bar.add_task("", total=total, rate=""), time.perf_counter(), 0

    def advance(n=1, counts=True):
        nonlocal count
        bar.start()
        count += n * counts
        rate = count / max(time.perf_counter() - began, 1e-9)
        bar.update(task, advance=n, rate=f"{rate:.1f} {unit}/s" if count else "")

    try:
        yield advance
    finally:
        bar.stop()
