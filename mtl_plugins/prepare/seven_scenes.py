"""`mtl prepare seven-scenes`: checks one scene of 7-Scenes."""

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any

from mtl_plugins.datasets import SevenScenes

from .arguments import add_out_argument, add_workers_argument
from .check_dataset import check_dataset

NAME, TITLE = "seven_scenes", "7-Scenes"
PAGE = "https://www.microsoft.com/en-us/research/project/rgb-d-dataset-7-scenes"
SPLITS = ("train", "val")


def add_arguments(parser: ArgumentParser) -> None:
    """Add the options of the command."""
    parser.add_argument(
        "--root", required=True, metavar="DIR", help="a scene: seq-01, …, TrainSplit.txt, TestSplit.txt; or its frames"
    )
    add_out_argument(parser)
    add_workers_argument(parser)


def prepare(args: Namespace) -> None:
    """Run the command."""
    prepare_seven_scenes(args.root, args.workers, out=args.out)


def prepare_seven_scenes(
    root: str | Path, workers: int | None = None, progress: bool = True, out: str | Path | None = None
) -> dict[str, Any]:
    """Check all frames and return the summary that `seven_scenes.json` contains; see `check_dataset`.

    Args:
        root: Folder of the scene.
        workers: Number of processes; None for one per core.
        progress: Whether to show a progress bar and print the summary.
        out: Where to write the summary. None: the folder.

    Raises:
        FileNotFoundError: The folder or one of its sequences is missing.
        DataError: Files are invalid, or there are no frames.
    """
    root = Path(root).expanduser()
    if not root.is_dir():
        raise FileNotFoundError(
            f"the folder {root} does not exist. Download a scene from {PAGE} (no login), and unpack it and the "
            "seq-*.zip in it."
        )
    datasets = {split: SevenScenes(root, split, labels=dict(normals=None)) for split in SPLITS}
    summary = check_dataset(datasets, out or root, NAME, TITLE, None, workers, progress)
    without = sum(not sample.labels for dataset in datasets.values() for sample in dataset.samples)
    if without and progress:
        print(f"note: {without} images have no depth.")
    return summary
