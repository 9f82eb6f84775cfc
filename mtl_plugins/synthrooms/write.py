"""``prepare_synthrooms``: a set of rendered rooms in the folder layout of NYUDv2."""

import time
from pathlib import Path

from mtl_plugins.files import Target, run_jobs, write_text
from mtl_plugins.prepare.summary import report, summarize

from .classes import NYUD40
from .files import FOLDERS, TASKS, prepare_image

VERSION = 1  # of the pictures: raise it when a change alters them


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
    target = Target(out, "synthrooms", "SynthRooms", identity)
    target.check()
    counts = dict(num_train=num_train, num_val=num_val)
    total = num_train + num_val
    names = [f"{i:06d}.png" for i in range(total)]
    lists = [out / name for name in ("train.txt", "val.txt", "intrinsics.txt")]
    done = target.finished([*lists, *(out / folder / name for folder in FOLDERS.values() for name in names)], **counts)
    if done:
        if progress:
            report(f"{out}: complete already.", done)
        return done
    began = time.perf_counter()
    target.begin(FOLDERS.values())
    jobs = [(str(out), seed, i, size) for i in range(total)]
    found = run_jobs(prepare_image, jobs, "SynthRooms", workers, progress)

    lines = ["\t".join(f"{folder}/{name}" for folder in FOLDERS.values()) + "\n" for name in names]
    write_text(out / "train.txt", "".join(lines[:num_train]))
    write_text(out / "val.txt", "".join(lines[num_train:]))
    write_text(
        out / "intrinsics.txt",
        "".join(" ".join([name, *(f"{v:.6f}" for v in found[i]["intrinsics"])]) + "\n" for i, name in enumerate(names)),
    )
    summary = target.finish(summarize(found, dict(train=num_train, val=num_val), NYUD40, TASKS))
    if progress:
        report(f"{out}: {total} images in {time.perf_counter() - began:.0f} s.", summary)
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
