"""`mtl prepare kitti-depth`: lists KITTI's frames with depth, and their cameras."""

from argparse import ArgumentParser, Namespace
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mtl_plugins.datasets.kitti import FrameFinder, annotated_frames, read_frame_list
from mtl_plugins.datasets.kitti.frame_finder import SCAN_FOLDER
from mtl_plugins.datasets.kitti.frame_index import INTRINSICS, NAME, camera_line
from mtl_plugins.datasets.kitti.official_data import ANNOTATED_SPLITS
from mtl_plugins.files import ResumableFolder, read_text, write_text

from .arguments import add_workers_argument
from .check_jobs import Check, digest, run_checks
from .dataset_summary import print_summary, union_of_ranges
from .journal import Journal
from .kitti_depth_sources import (
    ARCHIVE,
    LISTS_FOLDER,
    CameraKey,
    check_lists,
    find_depth_source,
    find_raw_folder,
    keep_lists,
    kept_lists,
    read_all_intrinsics,
    unpack_depth,
)
from .kitti_frame_check import FolderJob, check_frames
from .kitti_frame_lists import FrameLists

TITLE, VERSION = "KITTI depth", 1
KNOWN = dict(num_train=85898, num_val=6852)  # both colour cameras together
# Eigen et al., NIPS 2014; 652 of the 697 frames have improved ground truth.
EIGEN_TRAIN = "eigen_train"
EIGEN_TEST, KNOWN_EIGEN_TEST, KNOWN_EIGEN_TEST_IMPROVED = "eigen_test", dict(num_eigen_test=697), 652
OFFICIAL_EIGEN_TEST = Path(__file__).parent / "splits" / "kitti_eigen_test.txt"


def add_arguments(parser: ArgumentParser) -> None:
    """Add the options of the command."""
    parser.add_argument(
        "--raw",
        required=True,
        metavar="DIR",
        help="the raw data: 2011_09_26/2011_09_26_drive_0001_sync/…; archives in DIR are unpacked",
    )
    parser.add_argument(
        "--depth", metavar="PATH", help=f"the improved ground truth: the folder with train and val, or {ARCHIVE}"
    )
    parser.add_argument("--out", default="data/kitti/depth", metavar="DIR", help="where to write the lists")
    parser.add_argument(
        "--eigen-test",
        nargs="?",
        const=OFFICIAL_EIGEN_TEST,
        metavar="FILE",
        help="a list of test frames; without FILE, the 697 frames of the Eigen split",
    )
    parser.add_argument("--eigen-train", metavar="FILE", help="a list of training frames in the same format")
    parser.add_argument(
        "--check", action="store_true", help="open every file instead of one frame per drive and camera"
    )
    parser.add_argument("--without-calibration", action="store_true", help="continue if calibration files are missing")
    parser.add_argument(
        "--download", action="store_true", help=f"download {ARCHIVE} (14 GB, no login) and missing calibration"
    )
    add_workers_argument(parser)


def prepare(args: Namespace) -> None:
    """Run the command."""
    lists = {EIGEN_TRAIN: args.eigen_train, EIGEN_TEST: args.eigen_test}
    prepare_kitti_depth(
        args.raw,
        args.depth,
        args.out,
        {name: path for name, path in lists.items() if path},
        check=args.check,
        need_calibration=not args.without_calibration,
        fetch=args.download,
        workers=args.workers,
    )


def prepare_kitti_depth(
    raw: str | Path,
    depth: str | Path | None,
    out: str | Path,
    lists: Mapping[str, str | Path] | None = None,
    check: bool = False,
    need_calibration: bool = True,
    fetch: bool = False,
    workers: int | None = None,
    progress: bool = True,
) -> dict[str, Any]:
    """Write the files that `KITTIDepth` reads to `out`, and return the summary that `kitti_depth.json` contains.

    The files are one list of frames per split (`train.txt`, `val.txt`, `eigen_test.txt`, …; see `index_line`),
    `intrinsics.txt` (see `camera_line`) and, last, `kitti_depth.json`. Images and depth are not copied. Drives that are
    missing from the raw data are left out with a note. A killed run resumes. Run it again when there is more data.

    Nothing is written to `out` before the lists, the drives and the calibration were found, except for an unpacked
    archive.

    Args:
        raw: Folder of the raw data.
        depth: Folder of the improved ground truth, or its archive, which is unpacked to `out/depth`. None: uses
            `out/depth`, if it exists.
        out: Target folder.
        lists: Files with frames in the usual format of the Eigen split, by split.
        check: Whether to open every file instead of one frame per drive and camera.
        need_calibration: Whether missing calibration is an error. If not, these frames have no intrinsics.
        fetch: Whether to download the improved ground truth (unless it is given) and missing calibration.
        workers: Number of processes; None for one per core.
        progress: Whether to show progress bars and print the summary.

    Raises:
        FileNotFoundError: A folder, a list, all drives of a list, or calibration is missing; the message says where to
            download it.
        DataError: A list is empty, images of listed frames are missing, or files are invalid.
        ValueError: `out` contains something else.
        OSError: The disk is full, or a folder is not writable.
    """
    out, raw = Path(out).expanduser().resolve(), find_raw_folder(raw, progress)
    given = {name: Path(path).expanduser() for name, path in (lists or {}).items()}
    journal = Journal(out / f"{NAME}.checked.jsonl")
    depth_root, archive = find_depth_source(depth, out, (out / f"{NAME}.json").exists(), fetch)
    identity = dict(version=VERSION, raw=str(raw), depth=depth_root and str(depth_root))
    replaceable = ("*.txt", f"{LISTS_FOLDER}/*.txt", journal.path.name)
    target = ResumableFolder(out, NAME, TITLE, identity, replaceable)
    target.check()
    kept = {} if target.replaces else kept_lists(out)
    check_lists(given, kept, bool(depth_root))
    previous = target.finished([]) or {}
    if archive and depth_root:
        target.begin()
        unpack_depth(archive, depth_root, fetch, progress)
    frames = FrameLists(FrameFinder(raw, depth_root))
    if depth_root:
        for split in ANNOTATED_SPLITS:
            frames.add(split, annotated_frames(depth_root, split), depth_root / split)
    for split, path in sorted({**kept, **given}.items()):
        frames.add(split, read_frame_list(path), path)
    frames.check(required=given)
    cameras = read_all_intrinsics(raw, frames.cameras(), need_calibration, fetch, progress)
    texts = {split: read_text(path) for split, path in given.items()}
    target.begin()
    keep_lists(texts, out)
    frames.write(out)
    write_text(out / INTRINSICS, "".join(camera_line(*camera, values) for camera, values in cameras.items()))
    opened = _open_files(_checks(raw, depth_root, frames, check), previous, journal, workers, progress)
    summary = target.finish(dict(checked=check, opened=opened) | _summarize(frames, opened, list(cameras)))
    journal.remove()
    if progress:
        _print_report(out, summary, frames)
    return summary


def _checks(raw: Path, depth_root: Path | None, frames: FrameLists, check_all: bool) -> list[Check]:
    """One job per drive and camera, with all frames or one."""
    checks = []
    for (drive, camera), unsorted in sorted(frames.numbers.items()):
        numbers = sorted(unsorted)
        job = FolderJob(raw, depth_root, drive, camera, tuple(numbers if check_all else [numbers[len(numbers) // 2]]))
        checks.append(Check(job, job.version()))
    return checks


def _open_files(
    checks: Sequence[Check], previous: Mapping[str, Any], journal: Journal, workers: int | None, progress: bool
) -> dict[str, Any]:
    """Summarize what `check_frames` finds; opens no file that was opened before."""
    files = digest(checks)
    if previous.get("opened", {}).get("files") == files:
        return previous["opened"]
    found = run_checks(
        check_frames,
        checks,
        journal,
        TITLE,
        workers,
        progress,
        unit="frames",
        count=lambda job: len(job.numbers),
        what="drives",
    )
    sizes: Counter[str] = Counter()
    for folder in found:
        sizes.update(folder["sizes"])
    return dict(
        files=files,
        frames=sum(folder["frames"] for folder in found),
        sizes=dict(sorted(sizes.items())),
        depth_range=union_of_ranges(folder["depth"] for folder in found if folder["depth"]),
    )


def _summarize(frames: FrameLists, opened: Mapping[str, Any], cameras: Sequence[CameraKey]) -> dict[str, Any]:
    official = [count for name, count in frames.counts.items() if name in ANNOTATED_SPLITS]
    improved = dict(depth=sum(count["improved"] for count in official)) if official else {}
    return dict(
        **{f"num_{name}": count["frames"] for name, count in frames.counts.items()},
        images=sum(map(len, frames.numbers.values())),
        labels=improved | {"laser scans": frames.num_scans()},
        lists=frames.counts,
        classes=[],
        share={},
        **({"depth_range": opened["depth_range"]} if opened["depth_range"] else {}),
        cameras=["/image_".join((date, f"{camera:02d}")) for date, camera in cameras],
    )


def _print_report(out: Path, summary: Mapping[str, Any], frames: FrameLists) -> None:
    number = summary["opened"]["frames"]
    opened = "all files" if summary["checked"] else f"the files of {number} {'frame' if number == 1 else 'frames'}"
    sizes = ", ".join(summary["opened"]["sizes"])
    is_official = EIGEN_TEST in summary["lists"] and _is_official(out / LISTS_FOLDER / f"{EIGEN_TEST}.txt")
    known = (KNOWN if summary["depth"] else {}) | (KNOWN_EIGEN_TEST if is_official else {})
    print_summary(f"{out}: lists of frames; {opened} were opened. Sizes: {sizes}.", summary, known, TITLE)
    for name, count in summary["lists"].items():
        official = f" ({KNOWN_EIGEN_TEST_IMPROVED} in the official set)" if name == EIGEN_TEST and is_official else ""
        improved = f"{count['improved']} with improved depth{official}, " if summary["depth"] else ""
        left_out = frames.describe_left_out(name)
        print(
            f"{name}: {count['frames']} frames, {improved}{count['scans']} with a laser scan"
            + (f"; {left_out}" if left_out else "")
        )
    for text in _find_problems(summary, frames):
        print(f"warning: {text}")


def _find_problems(summary: Mapping[str, Any], frames: FrameLists) -> list[str]:
    """What does not prevent the preparation, but the training or a fair evaluation."""
    found = []
    for name, count in summary["lists"].items():
        if name not in ANNOTATED_SPLITS and not count["frames"]:
            found.append(f"{name} is empty, because its drives are missing.")
        elif count["frames"] and not (count["improved"] or count["scans"]):
            found.append(
                f"no frame of {name} has depth. Laser scans are expected in {summary['raw']}/DATE/DRIVE/{SCAN_FOLDER}."
            )
    common = frames.num_common(EIGEN_TRAIN, EIGEN_TEST)
    if common:
        found.append(f"common frames of {EIGEN_TRAIN} and {EIGEN_TEST}: {common}. The scores will be too good.")
    return found


def _is_official(path: Path) -> bool:
    """Whether a list is that of the Eigen split."""
    return path.is_file() and set(read_frame_list(path)) == set(read_frame_list(OFFICIAL_EIGEN_TEST))
