"""KITTI's own folders: where a frame's image, its depth and its laser scan lie."""

import re
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from ..errors import DataError

#: Where KITTI's archives lie; no login is needed.
URL = "https://s3.eu-central-1.amazonaws.com/avg-kitti"
#: The two colour cameras: left and right.
CAMERAS = (2, 3)
#: What the uint16 PNGs of depth count in a metre.
DEPTH_SCALE = 256.0
#: The parts of the improved ground truth.
ANNOTATED_SPLITS = ("train", "val")

_IMAGE_ENDINGS = (".png", ".jpg")
_DEPTH_NAME = re.compile(r"\d{10}\.png")
_SIDES = dict(l=2, r=3)
_DRIVE = r"(?P<drive>\d{4}_\d\d_\d\d_drive_\d{4}_sync)"
# `2011_09_26/2011_09_26_drive_0002_sync 0000000069 l`, or the path of the image
_LINES = (
    re.compile(rf"(?:\S+/)?{_DRIVE}\s+(?P<number>\d+)\s+(?P<side>[lr])\s*$"),
    re.compile(rf"(?:\S+/)?{_DRIVE}/image_0(?P<camera>[23])/data/(?P<number>\d+)\.(?:png|jpg)\b"),
)


class Frame(NamedTuple):
    """One camera at one moment of a drive."""

    drive: str  # 2011_09_26_drive_0002_sync
    camera: int
    number: int

    @property
    def date(self) -> str:
        """The folder of the drive and of its calibration files."""
        return self.drive[:10]


class FrameFiles(NamedTuple):
    """Files of a frame: paths relative to the raw or the depth root; None: there is none."""

    img: str
    improved: str | None
    scan: str | None


class FrameFinder:
    """Looks up the files of frames; folders are listed once.

    Args:
        raw_root (Path): holds ``<date>/<drive>/image_0{2,3}/data``.
        depth_root (Path): holds ``{train,val}/<drive>/proj_depth/groundtruth/image_0{2,3}``; None: no improved depth.
    """

    def __init__(self, raw_root: Path, depth_root: Path | None):
        self.raw_root, self.depth_root = raw_root, depth_root
        self._names = lru_cache(maxsize=1024)(_names)

    def has_drive(self, frame: Frame) -> bool:
        """Whether the raw data has images of the frame's drive and camera."""
        return bool(self._names(self.raw_root / self._image_folder(frame)))

    def files(self, frame: Frame) -> FrameFiles:
        """Where the frame's files lie; the image's path is given even if it is missing: see `has_image`."""
        folder = self._image_folder(frame)
        names = (f"{frame.number:010d}{ending}" for ending in _IMAGE_ENDINGS)
        there = self._names(self.raw_root / folder)
        image = next((name for name in names if name in there), f"{frame.number:010d}{_IMAGE_ENDINGS[0]}")
        return FrameFiles(f"{folder}/{image}", self._improved(frame), self._scan(frame))

    def has_image(self, files: FrameFiles) -> bool:
        folder, _, name = files.img.rpartition("/")
        return name in self._names(self.raw_root / folder)

    def _image_folder(self, frame):
        return f"{frame.date}/{frame.drive}/image_{frame.camera:02d}/data"

    def _improved(self, frame):
        if self.depth_root is None:
            return None
        name = f"{frame.number:010d}.png"
        folders = (depth_folder(split, frame.drive, frame.camera) for split in ANNOTATED_SPLITS)
        return next((f"{folder}/{name}" for folder in folders if name in self._names(self.depth_root / folder)), None)

    def _scan(self, frame):
        folder, name = f"{frame.date}/{frame.drive}/velodyne_points/data", f"{frame.number:010d}.bin"
        return f"{folder}/{name}" if name in self._names(self.raw_root / folder) else None


def depth_folder(split: str, drive: str, camera: int) -> str:
    """Where the improved ground truth of a drive lies, relative to the depth root."""
    return f"{split}/{drive}/proj_depth/groundtruth/image_{camera:02d}"


def annotated_frames(depth_root: Path, split: str, cameras: tuple[int, ...] = CAMERAS) -> Iterator[Frame]:
    """The frames of the official split: those that have improved ground truth, drive by drive."""
    for drive in sorted(_names(depth_root / split)):
        for camera in cameras:
            names = _names(depth_root / depth_folder(split, drive, camera))
            yield from (Frame(drive, camera, int(name[:10])) for name in sorted(names) if _DEPTH_NAME.fullmatch(name))


def listed_frames(path: Path) -> Iterator[Frame]:
    """The frames of a list in the usual format of the Eigen split.

    A line is ``2011_09_26/2011_09_26_drive_0002_sync 0000000069 l``, or begins with the path of the image.

    Raises:
        FileNotFoundError: there is no such file.
        DataError: a line that is neither.
    """
    if not path.is_file():
        raise FileNotFoundError(f"there is no list of frames {path}.")
    with open(path, encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            found = next((match for match in (pattern.match(line.strip()) for pattern in _LINES) if match), None)
            if found is None:
                raise DataError(
                    f"{path}, line {number}: expected `2011_09_26/2011_09_26_drive_0002_sync 0000000069 l` (drive, "
                    f"frame, l or r) or the path of an image of the raw data, but got {line.strip()!r}."
                )
            parts = found.groupdict()
            camera = int(parts["camera"]) if "camera" in parts else _SIDES[parts["side"]]
            yield Frame(parts["drive"], camera, int(parts["number"]))


def _names(folder: Path) -> frozenset[str]:
    return frozenset(path.name for path in folder.iterdir()) if folder.is_dir() else frozenset()
