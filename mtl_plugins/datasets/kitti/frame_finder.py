"""Finds the files of KITTI frames in the official folders: image, improved depth, laser scan."""

import re
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from .frame import Frame, FrameFiles
from .official_data import ANNOTATED_SPLITS, CAMERAS

_IMAGE_SUFFIXES = (".png", ".jpg")
#: Folder of the laser scans in the folder of a drive.
SCAN_FOLDER = "velodyne_points/data"
_DEPTH_NAME = re.compile(r"\d{10}\.png")


class FrameFinder:
    """Finds the files of frames; lists each folder once.

    Args:
        raw_root: Contains `<date>/<drive>/image_0{2,3}/data`.
        depth_root: Contains `{train,val}/<drive>/proj_depth/groundtruth/image_0{2,3}`. None: no improved depth.
    """

    def __init__(self, raw_root: Path, depth_root: Path | None):
        self.raw_root, self.depth_root = raw_root, depth_root
        self._names = lru_cache(maxsize=1024)(_file_names)

    def has_drive(self, frame: Frame) -> bool:
        """Whether the raw data has images of the frame's drive and camera."""
        return bool(self._names(self.raw_root / self._image_folder(frame)))

    def missing_folder(self, frame: Frame) -> str:
        """The folder to name if `has_drive` is false: the drive, or that of the camera if the drive exists."""
        camera = f"{frame.folder}/image_{frame.camera:02d}"
        return camera if (self.raw_root / frame.folder).is_dir() else frame.folder

    def files(self, frame: Frame) -> FrameFiles:
        """The files of a frame. The path of the image is given even if it does not exist; see `has_image`."""
        folder = self._image_folder(frame)
        names = (f"{frame.number:010d}{suffix}" for suffix in _IMAGE_SUFFIXES)
        existing = self._names(self.raw_root / folder)
        image = next((name for name in names if name in existing), f"{frame.number:010d}{_IMAGE_SUFFIXES[0]}")
        return FrameFiles(f"{folder}/{image}", self._improved(frame), self._scan(frame))

    def has_image(self, files: FrameFiles) -> bool:
        """Whether the image exists."""
        folder, _, name = files.img.rpartition("/")
        return name in self._names(self.raw_root / folder)

    def _image_folder(self, frame: Frame) -> str:
        return f"{frame.folder}/image_{frame.camera:02d}/data"

    def _improved(self, frame: Frame) -> str | None:
        if self.depth_root is None:
            return None
        name = f"{frame.number:010d}.png"
        for split in ANNOTATED_SPLITS:
            folder = depth_folder(split, frame.drive, frame.camera)
            if name in self._names(self.depth_root / folder):
                return f"{folder}/{name}"
        return None

    def _scan(self, frame: Frame) -> str | None:
        folder, name = f"{frame.folder}/{SCAN_FOLDER}", f"{frame.number:010d}.bin"
        return f"{folder}/{name}" if name in self._names(self.raw_root / folder) else None


def depth_folder(split: str, drive: str, camera: int) -> str:
    """The folder of a drive's improved ground truth, relative to the depth root."""
    return f"{split}/{drive}/proj_depth/groundtruth/image_{camera:02d}"


def annotated_frames(depth_root: Path, split: str, cameras: tuple[int, ...] = CAMERAS) -> Iterator[Frame]:
    """The frames of an official split, that is those with improved ground truth, drive by drive."""
    for drive in sorted(_file_names(depth_root / split)):
        for camera in cameras:
            names = _file_names(depth_root / depth_folder(split, drive, camera))
            yield from (Frame(drive, camera, int(name[:10])) for name in sorted(names) if _DEPTH_NAME.fullmatch(name))


def _file_names(folder: Path) -> frozenset[str]:
    return frozenset(path.name for path in folder.iterdir()) if folder.is_dir() else frozenset()
