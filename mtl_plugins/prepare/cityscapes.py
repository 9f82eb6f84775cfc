"""``python tools/prepare_dataset.py cityscapes``: Cityscapes, which is read as it lies."""

from pathlib import Path

from mtl_plugins.datasets.cityscapes import Cityscapes, find_camera_file
from mtl_plugins.datasets.cityscapes.cityscapes import DISPARITY_FOLDER, IMAGE_FOLDER, LABEL_FOLDER
from mtl_plugins.datasets.cityscapes.disparity_reader import CAMERA_FOLDER

from .check_dataset import add_place_arguments, check_dataset
from .unpack_dataset import unpack_dataset

NAME, TITLE = "cityscapes", "Cityscapes"
PAGE = "https://www.cityscapes-dataset.com/downloads/"
FOLDERS = (IMAGE_FOLDER, LABEL_FOLDER, "gtCoarse", DISPARITY_FOLDER, CAMERA_FOLDER)
ARCHIVES = [f"{folder}*_train*.zip" for folder in FOLDERS]  # leftImg8bit_trainvaltest.zip, …_trainextra.zip, …
SPLITS = ("train", "val", "test", "train_extra")
KNOWN = dict(num_train=2975, num_val=500, num_test=1525, labels=dict(semseg=2975 + 500))


def add_arguments(parser):
    what = (
        "the folder (leftImg8bit, gtFine, disparity, camera; archives that lie there are unpack_dataset), or archives"
    )
    add_place_arguments(parser, what)
    parser.add_argument(
        "--depth",
        choices=["metres", "disparity", "none"],
        default="metres",
        help="what to make of disparity; metres need the camera files",
    )


def prepare(args):
    prepare_cityscapes(args.root, args.out, None if args.depth == "none" else args.depth, args.workers)


def prepare_cityscapes(root, out=None, depth="metres", workers=None, progress=True) -> dict:
    """Checks all images, labels and cameras, and returns the summary (what ``cityscapes.json`` holds).

    See `check_dataset`.

    Args:
        root: the folder, or a list of archives, see `unpack_dataset`.
        depth: as of `Cityscapes`.
    """
    given = [root] if isinstance(root, (str, Path)) else root
    folder = unpack_dataset(given, NAME, ARCHIVES, _select, out, progress)
    splits = [split for split in SPLITS if (folder / IMAGE_FOLDER / split).is_dir()]
    if not splits:
        raise FileNotFoundError(
            f"{folder} has no {IMAGE_FOLDER}/{SPLITS[0]}. Register at {PAGE} (a login is needed) and fetch "
            f"{_archive(IMAGE_FOLDER)} (11 GB) and {_archive(LABEL_FOLDER)} (0.2 GB), for depth also "
            f"{_archive(DISPARITY_FOLDER)} and {_archive(CAMERA_FOLDER)}; put them into {folder} and run again: they are unpacked there."
        )
    datasets = {split: Cityscapes(folder, split, depth=depth) for split in splits}
    summary = check_dataset(datasets, out or folder, NAME, TITLE, KNOWN, workers, progress, also=_camera)
    if progress and depth and not any(summary["labels"].get(task) for task in ("depth", "disparity")):
        print(f"note: no depth: {_archive(DISPARITY_FOLDER)} and {_archive(CAMERA_FOLDER)} of {PAGE} are not here.")
    return summary


def _camera(sample):
    path = find_camera_file(sample.img)
    return [path] if path.is_file() else []


def _archive(folder):
    return f"{folder}_trainvaltest.zip"


def _select(name):
    return name if name.split("/")[0] in FOLDERS else None
