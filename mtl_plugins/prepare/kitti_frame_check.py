"""Checks the files of KITTI frames by opening them."""

import hashlib
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

from mtl_plugins.datasets import DataError, read_depth, read_image
from mtl_plugins.datasets.kitti import Frame, FrameFiles, FrameFinder, read_laser_scan
from mtl_plugins.datasets.kitti.official_data import DEPTH_SCALE

from .dataset_summary import union_of_ranges

_SHOWN = 3  # faults per folder


class FolderJob(NamedTuple):
    """Frames of one drive and camera."""

    raw_root: Path
    depth_root: Path | None
    drive: str
    camera: int
    numbers: tuple[int, ...]

    def files(self) -> list[FrameFiles]:
        """The files of the frames."""
        finder = FrameFinder(self.raw_root, self.depth_root)
        return [finder.files(Frame(self.drive, self.camera, number)) for number in self.numbers]

    def version(self) -> str:
        """A key with a checksum of the files' names and sizes."""
        total = hashlib.sha256()
        for path in (path for files in self.files() for path in self.paths(files) if path is not None):
            total.update(f"{path.name}:{path.stat().st_size} ".encode())
        return f"{self.drive} {self.camera} {total.hexdigest()}"

    def paths(self, files: FrameFiles) -> tuple[Path, Path | None, Path | None]:
        """Image, improved depth, laser scan."""
        improved = None if self.depth_root is None or files.improved is None else self.depth_root / files.improved
        return self.raw_root / files.img, improved, None if files.scan is None else self.raw_root / files.scan


def check_frames(job: FolderJob) -> dict[str, Any]:
    """Open every file of some frames.

    Returns:
        `frames` (their number), `depth` (smallest and largest, in metres), and `sizes` of the images.

    Raises:
        DataError: Files are damaged, or depth has another size than its image; names the first few.
    """
    sizes: Counter[str] = Counter()
    ranges, faults = [], []
    for files in job.files():
        try:
            size, depths = _open(*job.paths(files))
        except (DataError, FileNotFoundError) as error:
            faults.append(str(error))
            continue
        sizes["{} x {}".format(*size)] += 1
        ranges += depths
    if faults:
        more = f"\n  … and {len(faults) - _SHOWN} more in this drive" if len(faults) > _SHOWN else ""
        raise DataError("\n  ".join(faults[:_SHOWN]) + more)
    return dict(frames=len(job.numbers), sizes=dict(sizes), depth=union_of_ranges(ranges))


def _open(image: Path, improved: Path | None, scan: Path | None) -> tuple[tuple[int, ...], list[tuple[float, float]]]:
    """The image's size (H, W), and a list with the range of its depth, empty without depth."""
    size = tuple(read_image(image).shape[-2:])
    if scan is not None:
        read_laser_scan(scan)
    depth = None if improved is None else read_depth(improved, DEPTH_SCALE)
    if depth is None:
        return size, []
    if tuple(depth.shape[-2:]) != size:
        raise DataError(
            f"{improved} is {tuple(depth.shape[-2:])}, but its image {image} is {size} (H×W): download them again."
        )
    readings = depth[depth > 0]
    return size, [(float(readings.min()), float(readings.max()))]
