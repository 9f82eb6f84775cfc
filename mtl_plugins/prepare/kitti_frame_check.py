"""Opening the frames of one drive and camera."""

import hashlib
from collections import Counter
from pathlib import Path
from typing import NamedTuple

from mtl_plugins.datasets.data_error import DataError
from mtl_plugins.datasets.kitti.frame import Frame, FrameFiles
from mtl_plugins.datasets.kitti.frame_finder import FrameFinder
from mtl_plugins.datasets.kitti.laser_scan_reader import read_laser_scan
from mtl_plugins.datasets.kitti.official_data import DEPTH_SCALE
from mtl_plugins.datasets.readers import read_depth, read_image

from .dataset_summary import joined_range

_SHOWN = 3  # faults of one folder


class FolderJob(NamedTuple):
    """Frames of one drive and camera."""

    raw_root: Path
    depth_root: Path | None
    drive: str
    camera: int
    numbers: tuple[int, ...]

    def files(self) -> list[FrameFiles]:
        finder = FrameFinder(self.raw_root, self.depth_root)
        return [finder.files(Frame(self.drive, self.camera, number)) for number in self.numbers]

    def version(self) -> str:
        """The files' names and sizes, in short."""
        total = hashlib.sha256()
        for path in (path for files in self.files() for path in self.paths(files) if path is not None):
            total.update(f"{path.name}:{path.stat().st_size} ".encode())
        return f"{self.drive} {self.camera} {total.hexdigest()}"

    def paths(self, files: FrameFiles) -> tuple[Path, Path | None, Path | None]:
        """Image, improved depth, laser scan."""
        return (
            self.raw_root / files.img,
            files.improved and self.depth_root / files.improved,
            files.scan and self.raw_root / files.scan,
        )


def check_frames(job: FolderJob) -> dict:
    """Open every file of the frames: ``frames``, ``depth`` (least and largest, metres), ``sizes`` of the images.

    Raises:
        DataError: files that are damaged, or depth of another size than its image; the first few.
    """
    sizes, ranges, faults = Counter(), [], []
    for files in job.files():
        try:
            size, depths = _open(*job.paths(files))
        except (DataError, FileNotFoundError) as error:
            faults.append(str(error))
            continue
        sizes["{} x {}".format(*size)] += 1
        ranges += depths
    if faults:
        more = f"\n  … and {len(faults) - _SHOWN} more of this drive" if len(faults) > _SHOWN else ""
        raise DataError("\n  ".join(faults[:_SHOWN]) + more)
    return dict(
        frames=len(job.numbers),
        sizes=dict(sizes),
        depth=joined_range(ranges),
    )


def _open(image, improved, scan):
    """The image's size (H, W) and the range of its depth, in a list that is empty where there is none."""
    size = tuple(read_image(image).shape[-2:])
    if scan is not None:
        read_laser_scan(scan)
    depth = None if improved is None else read_depth(improved, DEPTH_SCALE)
    if depth is None:
        return size, []
    if tuple(depth.shape[-2:]) != size:
        raise DataError(
            f"{improved} is {tuple(depth.shape[-2:])}, but its image {image} is {size} (H×W): fetch them anew."
        )
    readings = depth[depth > 0]
    return size, [(float(readings.min()), float(readings.max()))]
