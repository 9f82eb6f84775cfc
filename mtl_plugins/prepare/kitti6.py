"""`mtl prepare kitti6`: unpacks and checks KITTI with six classes."""

from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mtl_plugins.datasets import KITTI6
from mtl_plugins.datasets.kitti.kitti6 import find_lists
from mtl_plugins.datasets.kitti.official_data import DEPTH_SCALE

from .arguments import add_folder_arguments
from .check_dataset import check_dataset
from .unpack_dataset import unpack_dataset

NAME, TITLE = "kitti6", "KITTI-6"
AUTHORS_SCALE = 800.0
_FARTHEST = 100.0  # metres


def add_arguments(parser: ArgumentParser) -> None:
    """Add the options of the command."""
    add_folder_arguments(
        parser,
        "the folder (rgb, masks, optionally depth and lists; or images and segm_gt_* in one folder), or its archive",
    )
    parser.add_argument(
        "--depth-scale",
        type=float,
        default=DEPTH_SCALE,
        metavar="N",
        help="value of the depth PNGs for one metre: 256 for KITTI's own files (default), 800 for the authors'; "
        "training then uses it",
    )


def prepare(args: Namespace) -> None:
    """Run the command."""
    prepare_kitti6(args.root, args.out, args.depth_scale, args.workers)


def prepare_kitti6(
    root: str | Path | Sequence[str | Path],
    out: str | Path | None = None,
    depth_scale: float = DEPTH_SCALE,
    workers: int | None = None,
    progress: bool = True,
) -> dict[str, Any]:
    """Check all images and labels and return the summary that `kitti6.json` contains; see `check_dataset`.

    Args:
        root: The folder, or a list of archives; see `unpack_dataset`.
        out: Where to unpack archives and to write the summary. None: the folder.
        depth_scale: Value of the depth PNGs for one metre.
        workers: Number of processes; None for one per core.
        progress: Whether to show a progress bar and print the summary.
    """
    folder = unpack_dataset(root, NAME, (), lambda name: name, out, progress)
    splits = [path.stem for path in find_lists(folder)] or ["trainval"]
    datasets = {split: KITTI6(folder, split, depth_scale=depth_scale) for split in splits}
    # The dataset has no official page, so there are no official counts to compare with.
    facts = dict(depth_scale=float(depth_scale))
    summary = check_dataset(datasets, out or folder, NAME, TITLE, None, workers, progress, facts=facts)
    deepest = (summary.get("depth_range") or (0, 0))[1]
    if progress and deepest > _FARTHEST and depth_scale != AUTHORS_SCALE:
        print(
            f"note: depth reaches {deepest:.0f} m, but KITTI's laser scanner reaches about {_FARTHEST:.0f} m. Are "
            f"these the authors' files, with a scale of {AUTHORS_SCALE:.0f}? Then run the command again "
            f"with --depth-scale {AUTHORS_SCALE:.0f}."
        )
    return summary
