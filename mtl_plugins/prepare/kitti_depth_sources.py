"""What `prepare_kitti_depth` starts from: raw data, improved depth, lists and calibration."""

import re
from pathlib import Path

from mtl_plugins.datasets.kitti.calibration import CalibrationMissing, lidar_to_image, read_camera_intrinsics
from mtl_plugins.datasets.kitti.official_data import ANNOTATED_SPLITS, URL
from mtl_plugins.files import write_text

from .download import download
from .unpack_dataset import unpack_dataset, unpack_selected

ARCHIVE = "data_depth_annotated.zip"
DEPTH_FOLDER, LISTS_FOLDER = "depth", "lists"  # in the target
_DEPTH_MEMBER = re.compile(r"(?:.*/)?((?:train|val)/[^/]+/proj_depth/groundtruth/image_0[23]/[^/]+\.png)")
_RAW_MEMBER = re.compile(r"\d{4}_\d\d_\d\d/.+")
_RAW_ARCHIVES = ("*_sync.zip", "*_calib.zip")


def raw_folder(raw: str | Path, show: bool = True) -> Path:
    """The folder of the raw data; archives of it that lie there are unpacked.

    Raises:
        FileNotFoundError: there is none, and where the data comes from.
    """
    raw = Path(raw).expanduser().resolve()
    if not raw.is_dir():
        drive = "2011_09_26_drive_0001"
        raise FileNotFoundError(
            f"there is no folder {raw}. KITTI's raw data comes drive by drive: {URL}/raw_data/{drive}/{drive}_sync.zip "
            "…; all are listed at https://www.cvlibs.net/datasets/kitti/raw_data.php. Put those that you want into one "
            "folder, with the *_calib.zip of their dates, and give it with --raw: they are unpacked there."
        )
    return unpack_dataset([raw], "raw", _RAW_ARCHIVES, _select_raw, show=show)


def depth_source(
    depth: str | Path | None, out: Path, is_complete: bool, fetch: bool
) -> tuple[Path | None, Path | None]:
    """The folder of the improved ground truth (None: there is none), and the archive to unpack into it (or None).

    Args:
        depth: what the user gave: folder, archive, or nothing.
        out: the target.
        is_complete: whether ``out`` was prepared to the end before: then ``out/depth`` is whole.
        fetch: whether the archive may be downloaded.
    """
    inside = out / DEPTH_FOLDER
    if depth is None:
        if (out / ARCHIVE).exists() or fetch and not is_complete:
            return inside, out / ARCHIVE
        if inside.is_dir() and not is_complete:
            raise FileNotFoundError(f"{inside} may not be unpacked to the end: give --depth {ARCHIVE} again.")
        return (inside if inside.is_dir() else None), None
    depth = Path(depth).expanduser().resolve()
    if not depth.exists():
        raise FileNotFoundError(
            f"there is no {depth}. Fetch {URL}/{ARCHIVE} (14 GB, no login needed) and give it, or the folder that it "
            "is unpacked in, with --depth; or let --download do so, without --depth."
        )
    if depth.is_file():
        return inside, depth
    if not any((depth / split).is_dir() for split in ANNOTATED_SPLITS):
        raise FileNotFoundError(
            f"{depth} has neither of the folders {', '.join(ANNOTATED_SPLITS)} of {ARCHIVE}. Is it the raw data, whose "
            "folder --raw names?"
        )
    return depth, None


def unpack_depth(archive: Path, depth_root: Path, fetch: bool, show: bool = True) -> None:
    """Unpack the archive of the improved ground truth; ``fetch``: download it first."""
    if fetch:
        download(f"{URL}/{ARCHIVE}", archive, show=show)
    unpack_selected(archive, depth_root, _select_depth, show)


def check_lists(given: dict[str, Path], out: Path, has_depth: bool) -> None:
    """See that the given lists are there, and that there is anything to make lists of.

    Raises:
        FileNotFoundError
    """
    missing = next((path for path in given.values() if not path.is_file()), None)
    if missing:
        raise FileNotFoundError(
            f"there is no list {missing}. The lists of the Eigen split come with most code for monocular depth, one "
            "frame a line: 2011_09_26/2011_09_26_drive_0002_sync 0000000069 l"
        )
    if not (has_depth or given or list((out / LISTS_FOLDER).glob("*.txt"))):
        raise FileNotFoundError(
            f"no depth and no list of frames: give --depth ({URL}/{ARCHIVE}, 14 GB, no login needed; --download "
            "fetches it), or --eigen-test FILE."
        )


def kept_lists(given: dict[str, Path], out: Path) -> dict[str, Path]:
    """{split: list} of those that are given now, and of those that earlier runs were given: copies in ``out``."""
    folder = out / LISTS_FOLDER
    for name, path in given.items():
        folder.mkdir(exist_ok=True)
        write_text(folder / f"{name}.txt", path.read_text(encoding="utf-8"))
    return {path.stem: path for path in sorted(folder.glob("*.txt"))}


def cameras_of(
    raw: Path, wanted: list[tuple[str, int]], need: bool = True, fetch: bool = False, show: bool = True
) -> dict[tuple[str, int], tuple[float, ...]]:
    """{(date, camera): intrinsics} of the wanted ones, as far as they are known.

    Args:
        need: False: leave out what is missing.
        fetch: whether to download calibration that is missing.

    Raises:
        FileNotFoundError: calibration is missing, and where it comes from.
        DataError: a file is cut off.
    """
    known, missing = _calibrated(raw, wanted)
    if missing and fetch:
        for date in sorted({date for date, _ in missing}):
            archive = download(_calibration_url(date), raw / f"{date}_calib.zip", show=show)
            unpack_selected(archive, raw, _select_raw, show)
        known, missing = _calibrated(raw, wanted)
    if missing and need:
        urls = ", ".join(_calibration_url(date) for date in sorted({date for date, _ in missing}))
        raise FileNotFoundError(
            f"{next(iter(missing.values()))}\nIn all, calibration is missing from: {urls} (no login needed; --download "
            "fetches them). Without it intrinsics are unknown and laser scans can't be projected; "
            "--without-calibration goes on with the improved depth alone."
        )
    return known


def _calibrated(raw, wanted):
    """{(date, camera): intrinsics}, and {(date, camera): error} where a file is missing."""
    known, missing = {}, {}
    for key in wanted:
        try:
            known[key] = read_camera_intrinsics(raw, *key)
            lidar_to_image(raw, *key)  # for laser scans
        except CalibrationMissing as error:
            missing[key] = error
    return known, missing


def _calibration_url(date):
    return f"{URL}/raw_data/{date}_calib.zip"


def _select_raw(name):
    return name if _RAW_MEMBER.fullmatch(name) else None


def _select_depth(name):
    found = _DEPTH_MEMBER.fullmatch(name)
    return found and found[1]
