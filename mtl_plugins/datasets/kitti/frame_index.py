"""What ``prepare_dataset.py kitti-depth`` writes and `KITTIDepth` reads: lists of frames, and the cameras."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from ..errors import DataError
from .raw_layout import Frame, FrameFiles

NAME = "kitti_depth"
INTRINSICS = "intrinsics.txt"
_NONE = "-"


class KITTIIndex(NamedTuple):
    """An index that is complete: where the raw data and the improved depth lie (None: there is none)."""

    raw_root: Path
    depth_root: Path | None


def find_index(folder: Path) -> KITTIIndex | None:
    """The index in ``folder``, if there is one.

    Raises:
        DataError: its preparation was broken off.
    """
    marker = folder / f"{NAME}.json"
    if marker.is_file():
        held = json.loads(marker.read_text(encoding="utf-8"))
        return KITTIIndex(Path(held["raw"]), held["depth"] and Path(held["depth"]))
    if (folder / f"{NAME}.started.json").is_file():
        raise DataError(f"{folder} was not prepared to the end: run the same `prepare_dataset.py kitti-depth …` again.")
    return None


def splits_of(folder: Path) -> list[str]:
    """The names of the index's lists."""
    return sorted(path.stem for path in folder.glob("*.txt") if path.name != INTRINSICS)


def index_line(files: FrameFiles) -> str:
    """``image⇥improved depth⇥laser scan``, ``-`` for what there is none of."""
    return "\t".join(path or _NONE for path in files) + "\n"


def read_index(path: Path) -> Iterator[FrameFiles]:
    """The frames of a list that consists of `index_line`.

    Raises:
        DataError: a line that is none.
    """
    with open(path, encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            cells = [None if cell == _NONE else cell for cell in line.rstrip("\n").split("\t")]
            if len(cells) != len(FrameFiles._fields) or cells[0] is None:
                raise DataError(f"{path}, line {number}: expected image⇥improved depth⇥laser scan, but got {line!r}.")
            yield FrameFiles(*cells)


def frame_of(files: FrameFiles) -> Frame:
    """The frame that the files are of."""
    _, drive, camera, _, name = files.img.split("/")
    return Frame(drive, int(camera.removeprefix("image_")), int(name.partition(".")[0]))


def camera_line(date: str, camera: int, intrinsics: tuple[float, ...]) -> str:
    """``2011_09_26/image_02 fx fy cx cy``."""
    return " ".join((f"{date}/image_{camera:02d}", *map(repr, intrinsics))) + "\n"


def read_cameras(folder: Path) -> dict[tuple[str, int], tuple[float, ...]]:
    """``{(date, camera): (fx, fy, cx, cy)}`` of an index; empty if it was prepared without calibration.

    Raises:
        DataError: a line that is no `camera_line`.
    """
    path, cameras = folder / INTRINSICS, {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines() if path.is_file() else (), 1):
        try:
            name, *values = line.split()
            date, camera = name.split("/image_")
            fx, fy, cx, cy = map(float, values)
        except ValueError:
            raise DataError(f"{path}, line {number}: expected `date/image_02 fx fy cx cy`, but got {line!r}.") from None
        cameras[date, int(camera)] = (fx, fy, cx, cy)
    return cameras
