"""``python tools/prepare_dataset.py kitti6``: KITTI with six classes, which is read as it lies."""

from pathlib import Path

from mtl_plugins.datasets.kitti6 import KITTI6, lists_in
from mtl_plugins.datasets.kitti_raw import DEPTH_SCALE

from .in_place import add_place_arguments, check_in_place
from .unpacked import unpacked

NAME, TITLE = "kitti6", "KITTI-6"


def add_arguments(parser):
    what = "the folder (rgb, masks, perhaps depth and lists; or images and segm_gt_* side by side), or its archive"
    add_place_arguments(parser, what)
    parser.add_argument(
        "--depth-scale", type=float, default=DEPTH_SCALE, help="what the depth PNGs count in a metre; the authors' 800"
    )


def prepare(args):
    prepare_kitti6(args.root, args.out, args.depth_scale, args.workers)


def prepare_kitti6(root, out=None, depth_scale=DEPTH_SCALE, workers=None, progress=True) -> dict:
    """Checks all images and labels, and returns the summary (what ``kitti6.json`` holds); see `check_in_place`.

    Args:
        root: the folder, or a list of archives, see `unpacked`.
    """
    given = [root] if isinstance(root, (str, Path)) else root
    folder = unpacked(given, NAME, (), lambda name: name, out, progress)
    splits = [path.stem for path in lists_in(folder)] or ["trainval"]
    datasets = {split: KITTI6(folder, split, depth_scale=depth_scale) for split in splits}
    # The set is small and has no official page, so there are no counts that one could hold it against.
    return check_in_place(datasets, out or folder, NAME, TITLE, None, workers, progress)
