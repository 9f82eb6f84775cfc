"""The index that `mtl prepare kitti-depth` writes and `KITTIDepth` reads: lists of frames, and cameras."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from ..data_error import DataError
from .frame import Frame, FrameFiles

#: Name of the marker file, without `.json`.
NAME = "kitti_depth"
INTRINSICS = "intrinsics.txt"
_MISSING = "-"


class KITTIIndex(NamedTuple):
    """The folders that a complete index refers to."""

    raw_root: Path
    depth_root: Path | None  # None: without improved depth


def find_index(folder: Path) -> KITTIIndex | None:
    """The index in `folder`, or None.

    Raises:
        DataError: The index is incomplete because its preparation was interrupted.
    """
    marker = folder / f"{NAME}.json"
    if marker.is_file():
        summary = json.loads(marker.read_text(encoding="utf-8"))
        return KITTIIndex(Path(summary["raw"]), summary["depth"] and Path(summary["depth"]))
    if (folder / f"{NAME}.started.json").is_file():
        raise DataError(f"the preparation of {folder} was interrupted: run the same `mtl prepare kitti-depth …` again.")
    return None


def index_splits(folder: Path) -> list[str]:
    """The names of the lists of an index."""
    return sorted(path.stem for path in folder.glob("*.txt") if path.name != INTRINSICS)


def index_line(files: FrameFiles) -> str:
    """A line `image⇥improved depth⇥laser scan` of an index, with `-` for missing files."""
    return "\t".join(path or _MISSING for path in files) + "\n"


def read_index(path: Path) -> Iterator[FrameFiles]:
    """Read the frames of a list that consists of `index_line`s.

    Raises:
        DataError: A line has another format.
    """
    with open(path, encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            img, *others = (None if cell == _MISSING else cell for cell in line.rstrip("\n").split("\t"))
            if len(others) != 2 or img is None:
                raise DataError(f"{path}, line {number}: expected image⇥improved depth⇥laser scan, but got {line!r}.")
            yield FrameFiles(img, *others)


def frame_of(files: FrameFiles) -> Frame:
    """The frame that the files belong to."""
    _, drive, camera, _, name = files.img.split("/")
    return Frame(drive, int(camera.removeprefix("image_")), int(name.partition(".")[0]))


def camera_line(date: str, camera: int, intrinsics: tuple[float, ...]) -> str:
    """A line `2011_09_26/image_02 fx fy cx cy` of `intrinsics.txt`."""
    return " ".join((f"{date}/image_{camera:02d}", *map(repr, intrinsics))) + "\n"


def read_cameras(folder: Path) -> dict[tuple[str, int], tuple[float, ...]]:
    """Read `{(date, camera): (fx, fy, cx, cy)}` of an index; empty if it was prepared without calibration.

    Raises:
        DataError: A line has another format.
    """
    path = folder / INTRINSICS
    cameras: dict[tuple[str, int], tuple[float, ...]] = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines() if path.is_file() else (), 1):
        try:
            name, *values = line.split()
            date, camera = name.split("/image_")
            fx, fy, cx, cy = map(float, values)
        except ValueError:
            raise DataError(f"{path}, line {number}: expected `date/image_02 fx fy cx cy`, but got {line!r}.") from None
        cameras[date, int(camera)] = (fx, fy, cx, cy)
    return cameras
