"""``python tools/prepare_dataset.py kitti-depth``: lists of KITTI's frames with depth, and their cameras."""

from collections import Counter
from pathlib import Path

from mtl_plugins.datasets.kitti.frame_finder import FrameFinder, annotated_frames
from mtl_plugins.datasets.kitti.frame_index import INTRINSICS, NAME, camera_line
from mtl_plugins.datasets.kitti.frame_list import read_frame_list
from mtl_plugins.datasets.kitti.official_data import ANNOTATED_SPLITS
from mtl_plugins.files import ResumableFolder, write_text

from .check_jobs import Check, Journal, digest, run_checks
from .dataset_summary import joined_range, report
from .kitti_depth_sources import ARCHIVE, cameras_of, check_lists, depth_source, kept_lists, raw_folder, unpack_depth
from .kitti_frame_check import FolderJob, check_frames
from .kitti_frame_lists import FrameLists

TITLE, VERSION = "KITTI depth", 1
KNOWN = dict(num_train=85898, num_val=6852)  # both colour cameras together
# Eigen et al., NIPS 2014; 652 of the 697 frames have improved ground truth.
EIGEN_TEST, KNOWN_EIGEN_TEST, KNOWN_EIGEN_TEST_IMPROVED = "eigen_test", dict(num_eigen_test=697), 652


def add_arguments(parser):
    parser.add_argument(
        "--raw",
        required=True,
        metavar="DIR",
        help="the raw data: 2011_09_26/2011_09_26_drive_0001_sync/…; archives of it that lie there are unpacked",
    )
    parser.add_argument(
        "--depth", metavar="PATH", help=f"the improved ground truth: the folder of train and val, or {ARCHIVE}"
    )
    parser.add_argument("--out", default="data/kitti/depth", metavar="DIR", help="where the lists go")
    parser.add_argument("--eigen-test", metavar="FILE", help="the list of the Eigen split's 697 test frames")
    parser.add_argument("--eigen-train", metavar="FILE", help="a list of frames to train on, in the same format")
    parser.add_argument("--check", action="store_true", help="open every file, not just one frame a drive and camera")
    parser.add_argument("--without-calibration", action="store_true", help="go on where calibration files are missing")
    parser.add_argument(
        "--download", action="store_true", help=f"fetch {ARCHIVE} (14 GB) and missing calibration; needs no login"
    )
    parser.add_argument("--workers", type=int, metavar="N", help="processes (default: one a core)")


def prepare(args):
    lists = dict(eigen_train=args.eigen_train, eigen_test=args.eigen_test)
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
    raw, depth, out, lists=None, check=False, need_calibration=True, fetch=False, workers=None, progress=True
) -> dict:
    """Writes into ``out`` what `KITTIDepth` reads, and returns the summary (what ``kitti_depth.json`` holds).

    That is a list of frames for each split (``train.txt``, ``val.txt``, ``eigen_test.txt``, …: `index_line`),
    ``intrinsics.txt`` (`camera_line`) and, last, ``kitti_depth.json``. Images and depth stay where they are. Drives
    that the raw data lacks are left out, and told. A run that was killed goes on where it stopped; run it again as
    soon as there is more data.

    Args:
        raw: folder of the raw data.
        depth: folder of the improved ground truth, or its archive, which is unpacked into ``out/depth``; None: what is
            in ``out/depth``, if anything.
        lists: {split: file with frames in the usual format of the Eigen split}.
        check: whether to open every file, not just those of one frame a drive and camera.
        need_calibration: False: go on without intrinsics where calibration files are missing.
        fetch: whether to download the improved ground truth, if none is given, and missing calibration.

    Raises:
        FileNotFoundError: a folder, a list, or calibration that is missing, and where it comes from.
        DataError: images of listed frames that are missing, or files that are not right.
        ValueError: ``out`` holds other things.
        OSError: the disk is full, or a folder can't be written.
    """
    out, raw = Path(out).expanduser().resolve(), raw_folder(raw, progress)
    given = {name: Path(path).expanduser() for name, path in (lists or {}).items()}
    depth_root, archive = depth_source(depth, out, (out / f"{NAME}.json").exists(), fetch)
    check_lists(given, out, bool(depth_root))
    target = ResumableFolder(
        out, NAME, TITLE, dict(version=VERSION, raw=str(raw), depth=depth_root and str(depth_root))
    )
    target.check()
    held = target.finished([]) or {}
    target.begin()
    if archive:
        unpack_depth(archive, depth_root, fetch, progress)
    frames = FrameLists(FrameFinder(raw, depth_root))
    for split in ANNOTATED_SPLITS if depth_root else ():
        frames.write(out / f"{split}.txt", annotated_frames(depth_root, split))
    for split, path in kept_lists(given, out).items():
        frames.write(out / f"{split}.txt", read_frame_list(path))
    frames.check()
    cameras = cameras_of(raw, frames.cameras(), need_calibration, fetch, progress)
    write_text(out / INTRINSICS, "".join(camera_line(*camera, values) for camera, values in cameras.items()))
    opened = _opened(raw, depth_root, frames, check, held, out, workers, progress)
    summary = target.finish(dict(checked=check, opened=opened) | _summary(frames, opened, cameras))
    _journal(out).remove()
    if progress:
        _report(out, summary)
    return summary


def _opened(raw, depth_root, frames, check, held, out, workers, progress):
    """What `check_frames` finds in all files, or in one frame a drive and camera; nothing is opened twice."""
    checks = []
    for (drive, camera), numbers in sorted(frames.numbers.items()):
        numbers = sorted(numbers)
        job = FolderJob(raw, depth_root, drive, camera, tuple(numbers if check else [numbers[len(numbers) // 2]]))
        checks.append(Check(job, job.version()))
    files = digest(checks)
    if held.get("opened", {}).get("files") == files:
        return held["opened"]
    count = dict(unit="frames", count=lambda job: len(job.numbers), what="drives")
    found = run_checks(check_frames, checks, _journal(out), TITLE, workers, progress, **count)
    sizes = Counter()
    for folder in found:
        sizes.update(folder["sizes"])
    return dict(
        files=files,
        frames=sum(folder["frames"] for folder in found),
        sizes=dict(sorted(sizes.items())),
        depth_range=joined_range(folder["depth"] for folder in found if folder["depth"]),
    )


def _journal(out):
    return Journal(out / f"{NAME}.checked.jsonl")


def _summary(frames, opened, cameras):
    official = [count for name, count in frames.counts.items() if name in ANNOTATED_SPLITS]
    return dict(
        **{f"num_{name}": count["frames"] for name, count in frames.counts.items()},
        images=sum(map(len, frames.numbers.values())),
        labels=dict(depth=sum(count["improved"] for count in official)),
        lists=frames.counts,
        classes=[],
        share={},
        **({"depth_range": opened["depth_range"]} if opened["depth_range"] else {}),
        cameras=["/image_".join((date, f"{camera:02d}")) for date, camera in cameras],
    )


def _report(out, summary):
    opened = "all files" if summary["checked"] else f"the files of {summary['opened']['frames']} frames"
    sizes = ", ".join(summary["opened"]["sizes"])
    known = KNOWN | (KNOWN_EIGEN_TEST if EIGEN_TEST in summary["lists"] else {})
    report(f"{out}: lists of frames; {opened} were opened. Sizes: {sizes}.", summary, known, TITLE)
    for name, count in summary["lists"].items():
        official = f" ({KNOWN_EIGEN_TEST_IMPROVED} in the official set)" if name == EIGEN_TEST else ""
        print(
            f"{name}: {count['frames']} frames, {count['improved']} with improved depth{official}, "
            f"{count['scans']} with a laser scan"
            + (f"; {count['left_out']} left out: their drives are not in the raw data" if count["left_out"] else "")
        )
