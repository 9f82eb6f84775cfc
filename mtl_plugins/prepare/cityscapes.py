"""`mtl prepare cityscapes`: unpacks and checks Cityscapes."""

from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mtl_plugins.datasets import SampleFiles
from mtl_plugins.datasets.cityscapes import Cityscapes, find_camera_file
from mtl_plugins.datasets.cityscapes.cityscapes import DISPARITY_FOLDER, IMAGE_FOLDER, LABEL_FOLDER
from mtl_plugins.datasets.cityscapes.disparity_reader import CAMERA_FOLDER

from .arguments import add_folder_arguments
from .check_dataset import check_dataset
from .unpack_dataset import unpack_dataset

NAME, TITLE = "cityscapes", "Cityscapes"
PAGE = "https://www.cityscapes-dataset.com/downloads/"
FOLDERS = (IMAGE_FOLDER, LABEL_FOLDER, "gtCoarse", DISPARITY_FOLDER, CAMERA_FOLDER)
ARCHIVES = [f"{folder}*_train*.zip" for folder in FOLDERS]  # leftImg8bit_trainvaltest.zip, …_trainextra.zip, …
SPLITS = ("train", "val", "test", "train_extra")
KNOWN = dict(num_train=2975, num_val=500, num_test=1525, labels=dict(semseg=2975 + 500))


def add_arguments(parser: ArgumentParser) -> None:
    """Add the options of the command."""
    add_folder_arguments(
        parser,
        "the folder (leftImg8bit, gtFine, disparity, camera; archives in it are unpacked), or the archives",
    )
    parser.add_argument(
        "--depth",
        choices=["metres", "disparity", "none"],
        default="metres",
        help="how disparity is read; metres need the camera files",
    )


def prepare(args: Namespace) -> None:
    """Run the command."""
    prepare_cityscapes(args.root, args.out, None if args.depth == "none" else args.depth, args.workers)


def prepare_cityscapes(
    root: str | Path | Sequence[str | Path],
    out: str | Path | None = None,
    depth: str | None = "metres",
    workers: int | None = None,
    progress: bool = True,
) -> dict[str, Any]:
    """Check all images, labels and cameras and return the summary that `cityscapes.json` contains.

    See `check_dataset`.

    Args:
        root: The folder, or a list of archives; see `unpack_dataset`.
        out: Where to unpack archives and to write the summary. None: the folder.
        depth: See `Cityscapes`.
        workers: Number of processes; None for one per core.
        progress: Whether to show a progress bar and print the summary.
    """
    folder = unpack_dataset(root, NAME, ARCHIVES, _select_member, out, progress)
    splits = [split for split in SPLITS if (folder / IMAGE_FOLDER / split).is_dir()]
    if not splits:
        images, labels, disparity, cameras = map(
            _archive, (IMAGE_FOLDER, LABEL_FOLDER, DISPARITY_FOLDER, CAMERA_FOLDER)
        )
        raise FileNotFoundError(
            f"{folder} has no {IMAGE_FOLDER}/{SPLITS[0]}. Register at {PAGE} (a login is needed) and download {images} "
            f"(11 GB) and {labels} (0.2 GB), for depth also {disparity} and {cameras}. Put them into {folder} and run "
            "the command again: they are unpacked there."
        )
    datasets = {split: Cityscapes(folder, split, depth=depth) for split in splits}
    summary = check_dataset(datasets, out or folder, NAME, TITLE, KNOWN, workers, progress, extra_files=_camera_files)
    if progress and depth and not any(summary["labels"].get(task) for task in ("depth", "disparity")):
        print(f"note: no depth: {_archive(DISPARITY_FOLDER)} and {_archive(CAMERA_FOLDER)} of {PAGE} are missing.")
    return summary


def _camera_files(sample: SampleFiles) -> list[Path]:
    path = find_camera_file(sample.img)
    return [path] if path.is_file() else []


def _archive(folder: str) -> str:
    return f"{folder}_trainvaltest.zip"


def _select_member(name: str) -> str | None:
    return name if name.split("/")[0] in FOLDERS else None
