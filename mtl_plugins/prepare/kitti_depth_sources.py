"""Finds and downloads what `prepare_kitti_depth` needs: raw data, improved depth, lists and calibration."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from mtl_plugins.datasets.kitti import CalibrationMissing, lidar_to_image, read_camera_intrinsics
from mtl_plugins.datasets.kitti.official_data import ANNOTATED_SPLITS, URL
from mtl_plugins.files import TEMPORARY_PREFIX, download, remove_temporaries, write_text

from .unpack_dataset import unpack_dataset, unpack_selected

#: (date, camera)
CameraKey = tuple[str, int]
Intrinsics = tuple[float, ...]  # fx, fy, cx, cy

ARCHIVE = "data_depth_annotated.zip"
DEPTH_FOLDER, LISTS_FOLDER = "depth", "lists"  # in the target
_DEPTH_MEMBER = re.compile(r"(?:.*/)?((?:train|val)/[^/]+/proj_depth/groundtruth/image_0[23]/[^/]+\.png)")
_RAW_MEMBER = re.compile(r"\d{4}_\d\d_\d\d/.+")
_RAW_ARCHIVES = ("*_sync.zip", "*_calib.zip")


def find_raw_folder(raw: str | Path, show: bool = True) -> Path:
    """The folder of the raw data; unpacks the archives in it.

    Args:
        raw: The folder.
        show: Whether to show progress bars.

    Raises:
        FileNotFoundError: The folder does not exist; the message says where to download the data.
    """
    raw = Path(raw).expanduser().resolve()
    if not raw.is_dir():
        drive = "2011_09_26_drive_0001"
        raise FileNotFoundError(
            f"the folder {raw} does not exist. KITTI's raw data has one archive per drive: "
            f"{URL}/raw_data/{drive}/{drive}_sync.zip …; see https://www.cvlibs.net/datasets/kitti/raw_data.php. Put "
            "the archives of your drives and the *_calib.zip of their dates into one folder and set it with --raw: "
            "they are unpacked there."
        )
    return unpack_dataset([raw], "raw", _RAW_ARCHIVES, _select_raw, show=show)


def find_depth_source(
    depth: str | Path | None, out: Path, is_complete: bool, fetch: bool
) -> tuple[Path | None, Path | None]:
    """Where the improved ground truth is: its folder (or None), and the archive to unpack into that folder (or None).

    Args:
        depth: The user's folder or archive, or None.
        out: The target.
        is_complete: Whether an earlier preparation of `out` is complete, and so `out/depth` is complete too.
        fetch: Whether the archive may be downloaded.

    Raises:
        FileNotFoundError: The path does not exist, is another folder, or an earlier run was interrupted.
    """
    inside = out / DEPTH_FOLDER
    if depth is None:
        if (out / ARCHIVE).exists() or fetch and not is_complete:
            return inside, out / ARCHIVE
        if inside.is_dir() and not is_complete:
            raise FileNotFoundError(f"{inside} may be unpacked only in part: set --depth {ARCHIVE} again.")
        return (inside if inside.is_dir() else None), None
    depth = Path(depth).expanduser().resolve()
    if not depth.exists():
        raise FileNotFoundError(
            f"{depth} does not exist. Download {URL}/{ARCHIVE} (14 GB, no login) and set --depth to the archive or to "
            "the folder of its content; or use --download without --depth."
        )
    if depth.is_file():
        return inside, depth
    if not any((depth / split).is_dir() for split in ANNOTATED_SPLITS):
        raise FileNotFoundError(
            f"{depth} has neither of the folders {', '.join(ANNOTATED_SPLITS)} of {ARCHIVE}. Is it the raw data, which "
            "is set with --raw?"
        )
    return depth, None


def unpack_depth(archive: Path, depth_root: Path, fetch: bool, show: bool = True) -> None:
    """Unpack the archive of the improved ground truth, and download it before if `fetch` is true."""
    if fetch:
        download(f"{URL}/{ARCHIVE}", archive, show=show)
    unpack_selected(archive, depth_root, _select_depth, show)


def check_lists(given: Mapping[str, Path], kept: Mapping[str, Path], has_depth: bool) -> None:
    """Check that the given lists exist, and that there is depth or a list.

    Args:
        given: List files by split.
        kept: Lists of earlier runs; see `kept_lists`.
        has_depth: Whether there is improved ground truth.

    Raises:
        FileNotFoundError: A list does not exist, or there is neither depth nor a list.
    """
    missing = next((path for path in given.values() if not path.is_file()), None)
    if missing:
        raise FileNotFoundError(
            f"the list {missing} does not exist. --eigen-test without a file uses the list of the Eigen split. "
            "Other lists have one frame per line: 2011_09_26/2011_09_26_drive_0002_sync 0000000069 l"
        )
    if not (has_depth or given or kept):
        raise FileNotFoundError(
            f"no depth and no list of frames: set --depth ({URL}/{ARCHIVE}, 14 GB, no login; --download downloads it) "
            "or --eigen-test (with a FILE, or the official list without one)."
        )


def kept_lists(out: Path) -> dict[str, Path]:
    """The copies of lists that earlier runs wrote to `out`, by split."""
    found = sorted((out / LISTS_FOLDER).glob("*.txt"))
    return {path.stem: path for path in found if not path.name.startswith(TEMPORARY_PREFIX)}  # of killed runs


def keep_lists(texts: Mapping[str, str], out: Path) -> None:
    """Write the content of the given lists to `out`, so that later runs include them."""
    folder = out / LISTS_FOLDER
    remove_temporaries(folder)
    for name, text in texts.items():
        write_text(folder / f"{name}.txt", text)


def read_all_intrinsics(
    raw: Path, cameras: Sequence[CameraKey], need: bool = True, fetch: bool = False, show: bool = True
) -> dict[CameraKey, Intrinsics]:
    """Read the intrinsics of some cameras, and check that their laser scans can be projected.

    Args:
        raw: Folder of the raw data.
        cameras: (date, camera) pairs.
        need: Whether missing calibration is an error. If not, these cameras are left out.
        fetch: Whether to download missing calibration.
        show: Whether to show progress bars.

    Raises:
        FileNotFoundError: Calibration is missing; the message says where to download it.
        DataError: A file is truncated.
    """
    known, missing = _read_calibration(raw, cameras)
    if missing and fetch:
        for date in sorted({date for date, _ in missing}):
            archive = download(_calibration_url(date), raw / f"{date}_calib.zip", show=show)
            unpack_selected(archive, raw, _select_raw, show)
        known, missing = _read_calibration(raw, cameras)
    if missing and need:
        urls = ", ".join(_calibration_url(date) for date in sorted({date for date, _ in missing}))
        raise FileNotFoundError(
            f"{next(iter(missing.values()))}\nAll missing calibration: {urls} (no login; --download downloads it). "
            "Without it, intrinsics are unknown and laser scans cannot be projected; --without-calibration continues "
            "with only the improved depth."
        )
    return known


def _read_calibration(
    raw: Path, cameras: Sequence[CameraKey]
) -> tuple[dict[CameraKey, Intrinsics], dict[CameraKey, CalibrationMissing]]:
    """The intrinsics by camera, and the errors by camera whose files are missing."""
    known: dict[CameraKey, Intrinsics] = {}
    missing = {}
    for date, camera in cameras:
        try:
            known[date, camera] = read_camera_intrinsics(raw, date, camera)
            lidar_to_image(raw, date, camera)
        except CalibrationMissing as error:
            missing[date, camera] = error
    return known, missing


def _calibration_url(date: str) -> str:
    return f"{URL}/raw_data/{date}_calib.zip"


def _select_raw(name: str) -> str | None:
    return name if _RAW_MEMBER.fullmatch(name) else None


def _select_depth(name: str) -> str | None:
    found = _DEPTH_MEMBER.fullmatch(name)
    return found[1] if found else None
