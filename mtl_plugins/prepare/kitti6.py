"""``python tools/prepare_dataset.py kitti6``: KITTI with six classes, which is read as it lies."""

from pathlib import Path

from mtl_plugins.datasets.kitti.kitti6 import KITTI6, find_lists
from mtl_plugins.datasets.kitti.official_data import DEPTH_SCALE

from .check_dataset import add_place_arguments, check_dataset
from .unpack_dataset import unpack_dataset

NAME, TITLE = "kitti6", "KITTI-6"
AUTHORS_SCALE = 800.0
_FARTHEST = 100.0  # metres


def add_arguments(parser):
    what = "the folder (rgb, masks, perhaps depth and lists; or images and segm_gt_* side by side), or its archive"
    add_place_arguments(parser, what)
    parser.add_argument(
        "--depth-scale",
        type=float,
        default=DEPTH_SCALE,
        metavar="N",
        help="what the depth PNGs count in a metre: KITTI's own 256 (default), the authors' 800; training then knows",
    )


def prepare(args):
    prepare_kitti6(args.root, args.out, args.depth_scale, args.workers)


def prepare_kitti6(root, out=None, depth_scale=DEPTH_SCALE, workers=None, progress=True) -> dict:
    """Checks all images and labels, and returns the summary (what ``kitti6.json`` holds); see `check_dataset`.

    Args:
        root: the folder, or a list of archives, see `unpack_dataset`.
    """
    given = [root] if isinstance(root, (str, Path)) else root
    folder = unpack_dataset(given, NAME, (), lambda name: name, out, progress)
    splits = [path.stem for path in find_lists(folder)] or ["trainval"]
    datasets = {split: KITTI6(folder, split, depth_scale=depth_scale) for split in splits}
    # The set is small and has no official page, so there are no counts that one could hold it against.
    facts = dict(depth_scale=float(depth_scale))
    summary = check_dataset(datasets, out or folder, NAME, TITLE, None, workers, progress, facts=facts)
    deepest = (summary.get("depth_range") or (0, 0))[1]
    if progress and deepest > _FARTHEST and depth_scale != AUTHORS_SCALE:
        print(
            f"note: depth reaches {deepest:.0f} m, and KITTI's laser some {_FARTHEST:.0f}: are these the authors' "
            f"files, which count {AUTHORS_SCALE:.0f} in a metre? Then run it again with --depth-scale "
            f"{AUTHORS_SCALE:.0f}."
        )
    return summary
