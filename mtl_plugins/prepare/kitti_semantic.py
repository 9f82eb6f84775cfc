"""`mtl prepare kitti-semantic`: downloads, unpacks and checks KITTI's semantic benchmark of 2018."""

import re
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mtl_plugins.datasets import KITTISemantic
from mtl_plugins.datasets.kitti.official_data import URL
from mtl_plugins.files import download

from .arguments import add_folder_arguments
from .check_dataset import check_dataset
from .unpack_dataset import as_paths, unpack_dataset

NAME, TITLE = "kitti_semantic", "KITTI semantic"
ARCHIVE, CALIBRATION = "data_semantics.zip", "data_scene_flow_calib.zip"
KNOWN = dict(num_trainval=200, num_test=200, labels=dict(semseg=200))
_MEMBERS = re.compile(r"(?:.*/)?((?:training|testing)/(?:image_2|semantic|calib_cam_to_cam)/[^/]+)")


def add_arguments(parser: ArgumentParser) -> None:
    """Add the options of the command."""
    add_folder_arguments(
        parser, f"the unpacked folder (training/image_2, training/semantic, testing/image_2), or {ARCHIVE}"
    )
    parser.add_argument(
        "--download", action="store_true", help=f"download {ARCHIVE} (0.3 GB, no login) into the folder --root"
    )


def prepare(args: Namespace) -> None:
    """Run the command."""
    prepare_kitti_semantic(args.root, args.out, args.download, args.workers)


def prepare_kitti_semantic(
    root: str | Path | Sequence[str | Path],
    out: str | Path | None = None,
    fetch: bool = False,
    workers: int | None = None,
    progress: bool = True,
) -> dict[str, Any]:
    """Check all images and labels and return the summary that `kitti_semantic.json` contains; see `check_dataset`.

    Args:
        root: The folder, or a list of archives; see `unpack_dataset`.
        out: Where to unpack archives and to write the summary. None: the folder.
        fetch: Whether to download the archive if the folder has no images.
        workers: Number of processes; None for one per core.
        progress: Whether to show a progress bar and print the summary.
    """
    given = as_paths(root)
    if fetch and not given[0].is_file() and not _image_folder(given[0]).is_dir():
        download(f"{URL}/{ARCHIVE}", given[0] / ARCHIVE, show=progress)
    folder = unpack_dataset(given, NAME, (ARCHIVE, CALIBRATION), _select_member, out, progress)
    if not _image_folder(folder).is_dir():
        raise FileNotFoundError(
            f"{_image_folder(folder)} does not exist. Download {URL}/{ARCHIVE} (no login) and put it into {folder}, or "
            "use --download; then run the command again."
        )
    datasets = dict(trainval=KITTISemantic(folder, "trainval"))
    if (folder / "testing" / "image_2").is_dir():
        datasets["test"] = KITTISemantic(folder, "test")
    return check_dataset(datasets, out or folder, NAME, TITLE, KNOWN, workers, progress)


def _image_folder(folder: Path) -> Path:
    return folder / "training" / "image_2"


def _select_member(name: str) -> str | None:
    found = _MEMBERS.fullmatch(name)
    return found[1] if found else None
