"""``python tools/prepare_dataset.py kitti-semantic``: KITTI's semantic benchmark of 2018, which is read as it lies."""

import re
from pathlib import Path

from mtl_plugins.datasets.kitti.kitti_semantic import KITTISemantic
from mtl_plugins.datasets.kitti.official_data import URL

from .check_dataset import add_place_arguments, check_dataset
from .download import download
from .unpack_dataset import unpack_dataset

NAME, TITLE = "kitti_semantic", "KITTI semantic"
ARCHIVE, CALIBRATION = "data_semantics.zip", "data_scene_flow_calib.zip"
KNOWN = dict(num_trainval=200, num_test=200, labels=dict(semseg=200))
_MEMBERS = re.compile(r"(?:.*/)?((?:training|testing)/(?:image_2|semantic|calib_cam_to_cam)/[^/]+)")


def add_arguments(parser):
    what = f"the unpacked folder (training/image_2, training/semantic, testing/image_2), or {ARCHIVE}"
    add_place_arguments(parser, what)
    parser.add_argument(
        "--download", action="store_true", help=f"fetch {ARCHIVE} (0.3 GB) into the folder --root; needs no login"
    )


def prepare(args):
    prepare_kitti_semantic(args.root, args.out, args.download, args.workers)


def prepare_kitti_semantic(root, out=None, fetch=False, workers=None, progress=True) -> dict:
    """Checks all images and labels, and returns the summary (what ``kitti_semantic.json`` holds); see `check_dataset`.

    Args:
        root: the folder, or a list of archives, see `unpacked`.
        fetch: whether to download the archive into the folder, if it isn't unpacked there.
    """
    given = [Path(path).expanduser() for path in ([root] if isinstance(root, (str, Path)) else root)]
    if fetch and not given[0].is_file() and not _images(given[0]).is_dir():
        download(f"{URL}/{ARCHIVE}", given[0] / ARCHIVE, show=progress)
    folder = unpack_dataset(given, NAME, (ARCHIVE, CALIBRATION), _select, out, progress)
    if not _images(folder).is_dir():
        raise FileNotFoundError(
            f"there is no {_images(folder)}. Fetch {URL}/{ARCHIVE} (no login needed) and put it into {folder}, or let "
            f"--download do so; then run again."
        )
    datasets = dict(trainval=KITTISemantic(folder, "trainval"))
    if (folder / "testing" / "image_2").is_dir():
        datasets["test"] = KITTISemantic(folder, "test")
    return check_dataset(datasets, out or folder, NAME, TITLE, KNOWN, workers, progress)


def _images(folder):
    return folder / "training" / "image_2"


def _select(name):
    found = _MEMBERS.fullmatch(name)
    return found and found[1]
