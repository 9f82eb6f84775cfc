"""`mtl prepare nyud`: converts NYUDv2's single file to the folders of HydraNet's authors."""

import time
from argparse import ArgumentParser, Namespace
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mtl_plugins.datasets.nyudv2 import KINECT_SIZE, MASK_IDS
from mtl_plugins.files import ResumableFolder, download, run_jobs, write_text
from mtl_plugins.label_spaces import label_space

from .arguments import add_workers_argument
from .dataset_summary import print_summary, summarize
from .nyud_labeled_mat import BYTES, IMAGES, MD5, URL, LabeledMat
from .nyud_png_files import KINDS, BlockJob, list_line, png_path, write_block
from .nyud_splits import read_splits

NAME, TITLE = "nyud", "NYUDv2"
VERSION = 1  # of the files: raise it when a change alters them
KNOWN = dict(images=IMAGES, labels=dict(semseg=IMAGES, depth=IMAGES))
_FILE = URL.rpartition("/")[2]


def add_arguments(parser: ArgumentParser) -> None:
    """Add the options of the command."""
    parser.add_argument("--labeled-mat", metavar="FILE", help=f"{_FILE}, from {URL}")
    parser.add_argument("--out", default="data/nyud", metavar="DIR", help="folder to write (%(default)s)")
    parser.add_argument("--splits", metavar="FILE", help="a splits.mat with another split than the official one")
    parser.add_argument("--normals", action="store_true", help="also compute normals from the depth")
    parser.add_argument("--edges", action="store_true", help="also make edges from classes and instances")
    add_workers_argument(parser)
    parser.add_argument("--download", action="store_true", help="first download FILE (default: next to DIR)")


def prepare(args: Namespace) -> None:
    """Run the command."""
    mat = args.labeled_mat
    if args.download:
        ResumableFolder(args.out, NAME, TITLE, {}).check()  # before a download that may take hours
        mat = download(URL, mat or Path(args.out).parent / _FILE, size=BYTES, md5=MD5)
    if mat is None:
        raise ValueError(
            f"NYUDv2 is prepared from one file: download {URL} ({BYTES / 2**30:.1f} GB, no login) and set "
            f"--labeled-mat {_FILE}, or use --download."
        )
    prepare_nyud(mat, args.out, args.splits, args.normals, args.workers, edges=args.edges)


def prepare_nyud(
    labeled_mat: str | Path,
    out_dir: str | Path,
    splits: str | Path | None = None,
    normals: bool = False,
    workers: int | None = None,
    progress: bool = True,
    edges: bool = False,
) -> dict[str, Any]:
    """Write NYUDv2 to `out_dir` and return the summary that `nyud.json` contains.

    Writes `%06d.png` (the number of the image in the file, from 1) to `rgb`, `masks` (0 … 39, 255 for void), `depth`
    (uint16, metres × 5000, 0 for no reading), `depth_filled` (the same with holes filled in) and optionally `normals`
    (see `functional.normals_png`) and `edge` (255 for an edge, 0 for none). Then it writes `train.txt` and `val.txt`
    (tab-separated paths in the order of the split) and last `nyud.json`. A killed run resumes. Only one run may write
    to a folder at a time.

    Args:
        labeled_mat: `nyu_depth_v2_labeled.mat`, or a similar file with fewer images; the lists contain the images of
            the split that exist.
        out_dir: Target folder.
        splits: A `splits.mat` with another split than the official one.
        normals: Whether to compute normals too. Always done in a folder that has normals already.
        workers: Number of processes; None for one per core.
        progress: Whether to show a progress bar and print the summary.
        edges: Whether to make edges too. Always done in a folder that has edges already.

    Raises:
        FileNotFoundError: A file is missing.
        DataError: A file is invalid.
        ValueError: `workers` is invalid, or the folder contains something else or images of another file.
        OSError: The disk is full or the folder is not writable.
    """
    if workers is not None and workers < 1:
        raise ValueError(f"workers={workers}: must be at least 1, or None for one per core.")
    out = Path(out_dir)
    has_edges = edges or (out / KINDS["edge"].folder).is_dir()
    mat, split_numbers = LabeledMat(labeled_mat, instances=has_edges), read_splits(splits)
    replaceable = ("train.txt", "val.txt", *(f"{kind.folder}/{'[0-9]' * 6}.png" for kind in KINDS.values()))
    target = ResumableFolder(out, NAME, TITLE, dict(version=VERSION, bytes=mat.bytes), replaceable)
    target.check()
    has_normals = normals or (out / KINDS["normals"].folder).is_dir()
    optional = dict(normals=has_normals, edge=has_edges)
    kinds = [kind for kind in KINDS if optional.get(kind, True)]
    listed = {split: [n for n in numbers if n <= mat.images] for split, numbers in split_numbers.items()}
    lists = {out / f"{split}.txt": "".join(list_line(kinds, n) for n in listed[split]) for split in listed}
    files = [png_path(out, kind, n) for kind in kinds for n in range(1, mat.images + 1)]
    summary, head = target.finished([*lists, *files], images=mat.images), f"{out}: already complete."
    if summary is None or any(path.read_text(encoding="utf-8") != text for path, text in lists.items()):
        began = time.perf_counter()
        target.begin(KINDS[kind].folder for kind in kinds)
        starts = range(0, mat.images, mat.step)
        jobs = [BlockJob(mat, out, kinds, first, min(first + mat.step, mat.images)) for first in starts]
        blocks = run_jobs(write_block, jobs, TITLE, workers, progress, count=lambda job: job.stop - job.first)
        for path, text in lists.items():
            write_text(path, text)
        tasks = [kind for kind in kinds if kind not in ("img", "filled")]
        found = [statistics for block in blocks for statistics in block]
        counts = {split: len(numbers) for split, numbers in listed.items()}
        content = summarize(found, counts, label_space(MASK_IDS).classes, tasks)
        summary = target.finish(dict(size=list(KINECT_SIZE)) | content)
        head = f"{out}: {mat.images} images in {time.perf_counter() - began:.0f} s."
    if progress:
        _print_report(head, summary, mat, split_numbers, listed)
    return summary


def _print_report(
    head: str,
    summary: dict[str, Any],
    mat: LabeledMat,
    split_numbers: Mapping[str, list[int]],
    listed: Mapping[str, list[int]],
) -> None:
    both = sorted(set(split_numbers["train"]) & set(split_numbers["val"]))
    if both:
        shown = ", ".join(map(str, both[:5])) + (" ..." if len(both) > 5 else "")
        print(f"note: {len(both)} images ({shown}) are in both train and val: scores will be too high.")
    is_official = mat.images == IMAGES
    print_summary(head, summary, KNOWN if is_official else None, TITLE)
    if not is_official:
        found = ", ".join(f"{split} {len(listed[split])} of {len(split_numbers[split])}" for split in listed)
        empty = [f"{split}.txt is empty" for split, numbers in listed.items() if not numbers]
        print(
            f"note: {mat.path} has {mat.images} images, but the official file has {IMAGES}. The lists contain the "
            f"images of the split that exist ({'; '.join([found, *empty])}). Scores are not comparable with those on "
            "the complete dataset."
        )
