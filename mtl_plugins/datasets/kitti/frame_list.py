"""Reads lists of KITTI frames in the usual format of the Eigen split."""

import re
from collections.abc import Iterator
from pathlib import Path

from ..data_error import DataError
from .frame import Frame

_CAMERA_OF_SIDE = dict(l=2, r=3)
_DRIVE = r"(?P<drive>\d{4}_\d\d_\d\d_drive_\d{4}_sync)"
# `2011_09_26/2011_09_26_drive_0002_sync 0000000069 l`, or the path of the image
_LINES = (
    re.compile(rf"(?:\S+/)?{_DRIVE}\s+(?P<number>\d+)\s+(?P<side>[lr])\s*$"),
    re.compile(rf"(?:\S+/)?{_DRIVE}/image_0(?P<camera>[23])/data/(?P<number>\d+)\.(?:png|jpg)\b"),
)


def read_frame_list(path: Path) -> Iterator[Frame]:
    """The frames of a list file.

    A line is `2011_09_26/2011_09_26_drive_0002_sync 0000000069 l`, or starts with the path of the image.

    Raises:
        FileNotFoundError: The file does not exist.
        DataError: A line has another format.
    """
    if not path.is_file():
        raise FileNotFoundError(f"the list of frames {path} does not exist.")
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
            camera = int(parts["camera"]) if "camera" in parts else _CAMERA_OF_SIDE[parts["side"]]
            yield Frame(parts["drive"], camera, int(parts["number"]))
