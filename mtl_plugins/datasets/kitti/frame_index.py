"""The index that `mtl prepare kitti-depth` writes and `KITTIDepth` reads: lists of frames, and cameras."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from mtl_plugins.files import read_json, read_lines, shorten

from ..camera_values import parse_camera
from ..data_error import DataError
from .frame import Frame, FrameFiles

#: Name of the marker file, without `.json`.
NAME = "kitti_depth"
INTRINSICS = "intrinsics.txt"
_MISSING = "-"
_IMAGE = re.compile(r"[0-9]{4}_[0-9]{2}_[0-9]{2}/[^/]+/image_[0-9]{2}/[^/]+/[0-9]{1,10}\.\w+")


class KITTIIndex(NamedTuple):
    """The folders that a complete index refers to."""

    raw_root: Path
    depth_root: Path | None  # None: without improved depth


def find_index(folder: Path) -> KITTIIndex | None:
    """The index in `folder`, or None.

    Raises:
        DataError: The index is damaged, or incomplete because its preparation was interrupted.
    """
    marker = folder / f"{NAME}.json"
    if marker.is_file():
        summary = read_json(marker)
        raw, depth = summary.get("raw"), summary.get("depth")
        if not isinstance(raw, str) or not isinstance(depth, str | None):
            raise DataError(f"{marker} must name the folders `raw` and `depth`. Run `mtl prepare kitti-depth …` again.")
        return KITTIIndex(Path(raw), Path(depth) if depth else None)
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
    for line in read_lines(path):
        img, *others = (None if cell in ("", _MISSING) else cell for cell in map(str.strip, line.text.split("\t")))
        if len(others) != 2 or img is None or not _IMAGE.fullmatch(img):
            raise DataError(
                f"{line.place}: expected image⇥improved depth⇥laser scan, with tabs between them and an image such as "
                "2011_09_26/2011_09_26_drive_0002_sync/image_02/data/0000000069.png, but got "
                f"{shorten(line.text)}. Run `mtl prepare kitti-depth …` again."
            )
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
    for line in read_lines(path) if path.is_file() else ():
        name, *values = line.text.split()
        date, _, number = name.partition("/image_")
        try:
            cameras[date, int(number)] = parse_camera(values)
        except ValueError as error:
            raise DataError(
                f"{line.place}: expected `date/image_02 fx fy cx cy`, but got {shorten(line.text)}: {error}."
            ) from None
    return cameras
