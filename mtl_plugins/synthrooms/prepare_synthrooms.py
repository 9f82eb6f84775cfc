"""Prepares a SynthRooms set: rendered rooms in the folder layout of NYUDv2."""

import time
from pathlib import Path

from mtl_plugins.files import ResumableFolder, run_jobs, write_text
from mtl_plugins.prepare.dataset_summary import print_summary, summarize

from .class_ids import NYUD40
from .prepare_image import FOLDERS, LISTED_FOLDERS, TASKS, prepare_image

#: Version of the rendered pixels. Increase it with every change that alters them.
VERSION = 1


def prepare_synthrooms(
    out_dir: str | Path,
    num_train: int = 700,
    num_val: int = 100,
    size: tuple[int, int] = (240, 320),
    seed: int = 0,
    workers: int | None = None,
    progress: bool = True,
) -> dict:
    """Render a set into a folder.

    The folder then holds `rgb/`, `masks/` (class ids 0 to 39), `depth/` (16-bit, metres × 5000), `normals/` (see
    `mtl_plugins.functional.normals_png`), `instances/` (16-bit), `edge/` and `saliency/` (0 or 255; see `room_labels`
    for these three), each with files `000000.png` and so on; `train.txt` and `val.txt` (tab-separated paths of the
    first four); `intrinsics.txt` (lines `name fx fy cx cy`, with pixel centres at integer coordinates); and
    `synthrooms.json`, which is written last and marks the set as complete. Missing files are added to a set that an
    older version rendered; its other files do not change.

    Image i depends only on (seed, i) and the size; its pixels are the same on every machine (the bytes of the PNG may
    depend on the version of zlib). A run that was killed can be resumed. Do not run two processes on one folder.

    Args:
        out_dir: The folder. It is created if necessary.
        num_train: Number of training images.
        num_val: Number of validation images.
        size: Height and width in pixels.
        seed: Seed of the set.
        workers: Number of processes; by default one per core.
        progress: Whether to show a progress bar and print the summary.

    Returns:
        The summary, as stored in `synthrooms.json`.

    Raises:
        ValueError: A number is out of range; or the folder holds other files, or a set with another seed, size or
            version.
        OSError: The disk is full, or the folder is not writable.
    """
    out = Path(out_dir)
    _check(num_train, num_val, size, seed, workers)
    size = (int(size[0]), int(size[1]))
    identity = dict(version=VERSION, seed=int(seed), size=list(size))
    target = ResumableFolder(out, "synthrooms", "SynthRooms", identity)
    target.check()
    counts = dict(num_train=num_train, num_val=num_val)
    total = num_train + num_val
    names = [f"{i:06d}.png" for i in range(total)]
    lists = [out / name for name in ("train.txt", "val.txt", "intrinsics.txt")]
    done = target.finished([*lists, *(out / folder / name for folder in FOLDERS.values() for name in names)], **counts)
    if done:
        if progress:
            print_summary(f"{out} is already complete.", done)
        return done
    began = time.perf_counter()
    target.begin(FOLDERS.values())
    jobs = [(str(out), seed, i, size) for i in range(total)]
    found = run_jobs(prepare_image, jobs, "SynthRooms", workers, progress)

    lines = ["\t".join(f"{folder}/{name}" for folder in LISTED_FOLDERS) + "\n" for name in names]
    write_text(out / "train.txt", "".join(lines[:num_train]))
    write_text(out / "val.txt", "".join(lines[num_train:]))
    write_text(
        out / "intrinsics.txt",
        "".join(" ".join([name, *(f"{v:.6f}" for v in found[i]["intrinsics"])]) + "\n" for i, name in enumerate(names)),
    )
    summary = target.finish(summarize(found, dict(train=num_train, val=num_val), NYUD40, TASKS))
    if progress:
        print_summary(f"{out}: {total} images in {time.perf_counter() - began:.0f} s.", summary)
    return summary


def _check(num_train: int, num_val: int, size: tuple[int, ...], seed: int, workers: int | None) -> None:
    if num_train < 0 or num_val < 0 or num_train + num_val < 1:
        raise ValueError(
            f"num_train={num_train} and num_val={num_val}: must be at least 0 each, and at least 1 together."
        )
    if len(size) != 2 or min(size) < 16:
        raise ValueError(f"size={size}: must be (height, width) in pixels, at least 16 each.")
    if seed < 0:
        raise ValueError(f"seed={seed}: must be 0 or more.")
    if workers is not None and workers < 1:
        raise ValueError(f"workers={workers}: must be 1 or more, or None for one per core.")
