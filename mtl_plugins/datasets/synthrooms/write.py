"""``prepare_synthrooms``: a set of rendered rooms in the folder layout of NYUDv2."""

import contextlib
import json
import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from pathlib import Path
from threading import Thread

from .classes import NYUD40
from .files import FOLDERS, prepare_image, write_text

VERSION = 1  # of the pictures: raise it when a change alters them
MARKER, STARTED = "synthrooms.json", "synthrooms.started.json"


def prepare_synthrooms(
    out_dir, num_train=700, num_val=100, size=(240, 320), seed=0, workers=None, progress=True
) -> dict:
    """Renders a set into ``out_dir`` and returns its summary (what ``synthrooms.json`` holds).

    Writes ``rgb``, ``masks`` (0..39), ``depth`` (uint16, metres x 5000) and ``normals``
    (``functional.normals_png``) as ``%06d.png``, ``train.txt`` and ``val.txt`` (tab-separated paths),
    ``intrinsics.txt`` (``name fx fy cx cy``, pixel centres at integers) and, last, ``synthrooms.json``: where
    it is, the set is complete. Image i depends on (seed, i) and the size alone, pixel for pixel on any
    machine (the PNGs' bytes may differ with zlib's version). A run that was killed goes on where it
    stopped. One run a folder at a time.

    Args:
        size: (height, width) in pixels.
        workers: Processes; by default as many as there are cores.
        progress: Whether to show a bar and print the summary.

    Raises:
        ValueError: A number makes no sense, or the folder holds other things, or another seed, size, version.
        OSError: The disk is full, or the folder can't be written.
    """
    out, size = Path(out_dir), tuple(int(n) for n in size)
    _check(num_train, num_val, size, seed, workers)
    identity = dict(version=VERSION, seed=int(seed), size=list(size))
    _check_folder(out, identity)
    counts = dict(num_train=num_train, num_val=num_val)
    total = num_train + num_val
    done = _finished(out, identity | counts, total)
    if done:
        if progress:
            print(f"{out}: complete already.\n{_table(done)}")
        return done
    began = time.perf_counter()
    for folder in FOLDERS.values():
        (out / folder).mkdir(parents=True, exist_ok=True)
    write_text(out / STARTED, json.dumps(identity))
    (out / MARKER).unlink(missing_ok=True)
    found = _render_all(out, seed, size, total, workers or os.cpu_count() or 1, progress)

    names = [f"{i:06d}.png" for i in range(total)]
    lines = ["\t".join(f"{folder}/{name}" for folder in FOLDERS.values()) + "\n" for name in names]
    write_text(out / "train.txt", "".join(lines[:num_train]))
    write_text(out / "val.txt", "".join(lines[num_train:]))
    write_text(
        out / "intrinsics.txt",
        "".join(" ".join([name, *(f"{v:.6f}" for v in found[i]["intrinsics"])]) + "\n" for i, name in enumerate(names)),
    )
    for folder in FOLDERS.values():  # what a killed run left half-written
        for path in (out / folder).glob("*.tmp"):
            path.unlink(missing_ok=True)
    summary = identity | counts | _summary(found, total, size)
    write_text(out / MARKER, json.dumps(summary, indent=1) + "\n")
    (out / STARTED).unlink(missing_ok=True)
    if progress:
        print(f"{out}: {total} images in {time.perf_counter() - began:.0f} s.\n{_table(summary)}")
    return summary


def _check(num_train, num_val, size, seed, workers):
    if num_train < 0 or num_val < 0 or num_train + num_val < 1:
        raise ValueError(
            f"num_train={num_train} and num_val={num_val}: at least 0 each, and at least one image in all."
        )
    if len(size) != 2 or min(size) < 16:
        raise ValueError(f"size={size}: (height, width) in pixels, at least 16 each.")
    if seed < 0:
        raise ValueError(f"seed={seed}: 0 or more.")
    if workers is not None and workers < 1:
        raise ValueError(f"workers={workers}: 1 or more, or None for one a core.")


def _check_folder(out: Path, identity: dict):
    if out.exists() and not out.is_dir():
        raise ValueError(f"{out} is a file; give a folder for the set.")
    if not out.exists() or not any(out.iterdir()):
        return
    marker = next((out / name for name in (MARKER, STARTED) if (out / name).exists()), None)
    if marker is None:
        raise ValueError(f"{out} is not empty and holds no SynthRooms set; give a new or an empty folder.")
    try:
        held = json.loads(marker.read_text())
    except ValueError:
        raise ValueError(f"{marker} is no JSON; delete {out} and prepare the set again.") from None
    wrong = [f"{key} {held.get(key)} (asked: {value})" for key, value in identity.items() if held.get(key) != value]
    if wrong:
        raise ValueError(f"{out} holds another SynthRooms set: {', '.join(wrong)}. Give another folder, or delete it.")


def _finished(out: Path, wanted: dict, total: int) -> dict | None:
    """The summary, if the whole set is there."""
    if not (out / MARKER).exists():
        return None
    held = json.loads((out / MARKER).read_text())
    files = [out / name for name in ("train.txt", "val.txt", "intrinsics.txt")]
    files += [out / folder / f"{i:06d}.png" for folder in FOLDERS.values() for i in range(total)]
    same = all(held.get(key) == value for key, value in wanted.items())
    return held if same and all(map(os.path.exists, files)) else None


def _render_all(out, seed, size, total, workers, progress) -> dict:
    found, jobs = {}, [(str(out), seed, i, size) for i in range(total)]
    with _bar(total, progress) as advance, contextlib.ExitStack() as stack:
        if workers == 1 or total == 1:
            results = map(prepare_image, jobs)
        else:
            # fork starts at once and needs no importable main module; elsewhere than on Linux it is unsafe.
            context = get_context("fork" if sys.platform == "linux" else "spawn")
            pool = ProcessPoolExecutor(min(workers, total), context, _die_with_parent, (os.getpid(),))
            stack.callback(pool.shutdown, cancel_futures=True)
            results = (future.result() for future in as_completed([pool.submit(prepare_image, job) for job in jobs]))
        try:
            for result in results:
                found[result["index"]] = result
                advance()
        except BrokenProcessPool:
            raise RuntimeError(
                f"A rendering process was killed (out of memory?) after {len(found)} of {total} images. "
                f"Run again to go on, perhaps with fewer workers than {workers}."
            ) from None
    return found


def _die_with_parent(parent: int):
    """A worker whose parent was killed would wait for ever."""

    def watch():
        while os.getppid() == parent:
            time.sleep(1)
        os._exit(1)

    Thread(target=watch, daemon=True).start()


@contextlib.contextmanager
def _bar(total: int, show: bool):
    """Yields a function to call after each image."""
    if not show:
        yield lambda: None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    bar = Progress(
        TextColumn("SynthRooms"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    task, began, count = bar.add_task("", total=total, rate=""), time.perf_counter(), 0

    def advance():
        nonlocal count
        if not count:
            bar.start()  # not before the workers are forked: it starts a thread
        count += 1
        bar.update(task, advance=1, rate=f"{count / (time.perf_counter() - began):.1f} images/s")

    try:
        yield advance
    finally:
        bar.stop()


def _summary(found: dict, total: int, size) -> dict:
    pixels = total * size[0] * size[1]
    counts = [sum(r["counts"][k] for r in found.values()) for k in range(len(NYUD40))]
    return dict(
        images=total,
        labels=dict.fromkeys(("semseg", "depth", "normals"), total),
        classes=list(NYUD40),
        share={NYUD40[k]: counts[k] / pixels for k in range(len(NYUD40)) if counts[k]},
        depth_range=[min(r["depth"][0] for r in found.values()), max(r["depth"][1] for r in found.values())],
    )


def _table(summary: dict) -> str:
    share = sorted(summary["share"].items(), key=lambda item: -item[1])
    labels = ", ".join(f"{task} {n}" for task, n in summary["labels"].items())
    low, high = summary["depth_range"]
    height, width = summary["size"]
    return (
        f"{summary['images']} images of {height} x {width}: train {summary['num_train']}, "
        f"val {summary['num_val']}; labels: {labels}; depth {low:.2f} to {high:.2f} m\n"
        f"{len(share)} classes, % of the pixels: " + ", ".join(f"{name} {100 * s:.2f}" for name, s in share)
    )
