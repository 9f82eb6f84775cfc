"""``python tools/prepare_dataset.py nyud``: NYUDv2's one file into the folders of HydraNet's authors."""

import time
from pathlib import Path

from mtl_plugins.datasets.nyudv2 import KINECT_SIZE, MASK_IDS
from mtl_plugins.files import ResumableFolder, run_jobs, write_text
from mtl_plugins.label_spaces import label_space

from .dataset_summary import report, summarize
from .download import download
from .nyud_labeled_mat import BYTES, IMAGES, MD5, URL, LabeledMat
from .nyud_png_files import KINDS, list_line, path_of, prepare_block
from .nyud_splits import read_splits

NAME, TITLE = "nyud", "NYUDv2"
VERSION = 1  # of the files: raise it when a change alters them
KNOWN = dict(images=IMAGES, labels=dict(semseg=IMAGES, depth=IMAGES))
_FILE = URL.rpartition("/")[2]


def add_arguments(parser):
    parser.add_argument("--labeled-mat", metavar="FILE", help=f"{_FILE}, from {URL}")
    parser.add_argument("--out", default="data/nyud", metavar="DIR")
    parser.add_argument("--splits", metavar="FILE", help="a splits.mat with another split than the official one")
    parser.add_argument("--normals", action="store_true", help="compute normals from the depth, and write them too")
    parser.add_argument("--workers", type=int, metavar="N", help="processes (default: one a core)")
    parser.add_argument("--download", action="store_true", help="fetch FILE first (default: beside DIR)")


def prepare(args):
    mat = args.labeled_mat
    if args.download:
        ResumableFolder(args.out, NAME, TITLE, {}).check()  # before the hours that it may take
        mat = download(URL, mat or Path(args.out).parent / _FILE, size=BYTES, md5=MD5)
    if mat is None:
        raise ValueError(
            f"NYUDv2 is made of one file: fetch {URL} ({BYTES / 2**30:.1f} GB, no login) and give it with "
            f"--labeled-mat {_FILE}, or have it fetched with --download."
        )
    prepare_nyud(mat, args.out, args.splits, args.normals, args.workers)


def prepare_nyud(labeled_mat, out_dir, splits=None, normals=False, workers=None, progress=True) -> dict:
    """Writes NYUDv2 into ``out_dir`` and returns its summary (what ``nyud.json`` holds).

    Writes ``rgb``, ``masks`` (0 … 39, 255 void), ``depth`` (uint16, metres × 5000, 0 where the sensor read nothing),
    ``depth_filled`` (the same with its holes filled in) and perhaps ``normals`` (``functional.normals_png``) as
    ``%06d.png``, the number of the image in the file, from 1; ``train.txt`` and ``val.txt`` (tab-separated paths, in
    the order of the split); and last ``nyud.json``. A run that was killed goes on where it stopped. One run a folder
    at a time.

    Args:
        labeled_mat: ``nyu_depth_v2_labeled.mat``, or one like it with fewer images: the lists have those of the split's
            images that there are.
        splits: a ``splits.mat`` with another split than the official one.
        normals: whether to compute them too. A folder that has begun to have them goes on so.
        workers: processes; by default as many as there are cores.
        progress: whether to show a bar and print the summary.

    Raises:
        FileNotFoundError, DataError: a file is missing, or not what it should be.
        ValueError: a number makes no sense, or the folder holds other things, or the images of another file.
        OSError: the disk is full, or the folder can't be written.
    """
    if workers is not None and workers < 1:
        raise ValueError(f"workers={workers}: 1 or more, or None for one a core.")
    mat, split_numbers, out = LabeledMat(labeled_mat), read_splits(splits), Path(out_dir)
    target = ResumableFolder(out, NAME, TITLE, dict(version=VERSION, bytes=mat.bytes))
    target.check()
    has_normals = normals or (out / KINDS["normals"].folder).is_dir()
    kinds = [kind for kind in KINDS if has_normals or kind != "normals"]
    listed = {split: [n for n in numbers if n <= mat.images] for split, numbers in split_numbers.items()}
    lists = {out / f"{split}.txt": "".join(list_line(kinds, n) for n in listed[split]) for split in listed}
    files = [path_of(out, kind, n) for kind in kinds for n in range(1, mat.images + 1)]
    summary, head = target.finished([*lists, *files], images=mat.images), f"{out}: complete already."
    if summary is None or any(path.read_text(encoding="utf-8") != text for path, text in lists.items()):
        began = time.perf_counter()
        target.begin(KINDS[kind].folder for kind in kinds)
        starts = range(0, mat.images, mat.step)
        jobs = [(mat, out, kinds, first, min(first + mat.step, mat.images)) for first in starts]
        blocks = run_jobs(prepare_block, jobs, TITLE, workers, progress, count=lambda job: job[4] - job[3])
        for path, text in lists.items():
            write_text(path, text)
        tasks = [kind for kind in kinds if kind not in ("img", "filled")]
        found, counts = sum(blocks, []), {split: len(numbers) for split, numbers in listed.items()}
        held = summarize(found, counts, label_space(MASK_IDS).classes, tasks)
        summary = target.finish(dict(size=list(KINECT_SIZE)) | held)
        head = f"{out}: {mat.images} images in {time.perf_counter() - began:.0f} s."
    if progress:
        both = sorted(set(split_numbers["train"]) & set(split_numbers["val"]))
        if both:
            shown = ", ".join(map(str, both[:5])) + (" ..." if len(both) > 5 else "")
            print(f"note: {len(both)} images ({shown}) are in train and in val: scores will be too good.")
        is_whole = mat.images == IMAGES
        report(head, summary, KNOWN if is_whole else None, TITLE)
        if not is_whole:
            print(f"note: {_other_count(mat, split_numbers, listed)}")
    return summary


def _other_count(mat, split_numbers, listed):
    found = ", ".join(f"{split} {len(listed[split])} of {len(split_numbers[split])}" for split in listed)
    empty = [f"{split}.txt is empty" for split, numbers in listed.items() if not numbers]
    return (
        f"{mat.path} has {mat.images} images, but the official file has {IMAGES}: the lists have those of the split's "
        f"images that there are ({'; '.join([found, *empty])}). Scores will not compare with those of the whole set."
    )
