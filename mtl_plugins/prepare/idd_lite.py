"""`mtl prepare iddlite`: checks IDD-Lite."""

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any

from mtl_plugins.datasets.idd_lite import IMAGE_FOLDER, LABEL_FOLDER, IDDLite

from .arguments import add_out_argument, add_workers_argument
from .check_dataset import check_dataset

NAME, TITLE = "iddlite", "IDD-Lite"
PAGE = "https://idd.insaan.iiit.ac.in"
SPLITS = ("train", "val", "test")
#: Numbers of the release; its test split has no annotations.
KNOWN = dict(num_train=1403, num_val=204, labels=dict(semseg=1403 + 204))


def add_arguments(parser: ArgumentParser) -> None:
    """Add the options of the command."""
    parser.add_argument(
        "--root", default="data/idd_lite", metavar="DIR", help=f"folder with {IMAGE_FOLDER} and {LABEL_FOLDER}"
    )
    add_out_argument(parser)
    add_workers_argument(parser)


def prepare(args: Namespace) -> None:
    """Run the command."""
    prepare_iddlite(args.root, args.workers, out=args.out)


def prepare_iddlite(
    root: str | Path, workers: int | None = None, progress: bool = True, out: str | Path | None = None
) -> dict[str, Any]:
    """Check all images and annotations and return the summary that `iddlite.json` contains; see `check_dataset`.

    Args:
        root: Root folder of the data.
        workers: Number of processes; None for one per core.
        progress: Whether to show a progress bar and print the summary.
        out: Where to write the summary. None: the folder.

    Raises:
        FileNotFoundError: The folder of the images or of the annotations is missing.
        DataError: Files are invalid.
    """
    root = Path(root).expanduser()
    missing = [f"{name}/{SPLITS[0]}" for name in (IMAGE_FOLDER, LABEL_FOLDER) if not (root / name / SPLITS[0]).is_dir()]
    if missing:
        raise FileNotFoundError(
            f"{root} does not contain IDD-Lite; missing: {', '.join(missing)}. Register at {PAGE} (a login is "
            f"needed), download IDD-Lite, and use the unpacked folder that contains {IMAGE_FOLDER} and {LABEL_FOLDER}."
        )
    splits = [split for split in SPLITS if (root / IMAGE_FOLDER / split).is_dir()]
    datasets = {split: IDDLite(root, split) for split in splits}
    summary = check_dataset(datasets, out or root, NAME, TITLE, KNOWN, workers, progress)
    unlabelled = [
        sample.img
        for split, dataset in datasets.items()
        for sample in dataset.samples
        if split != "test" and not sample.labels
    ]
    if unlabelled and progress:
        print(f"note: {len(unlabelled)} images have no annotation, such as {unlabelled[0]}.")
    return summary
