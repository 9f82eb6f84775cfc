"""Reads lists of KITTI frames in the usual format of the Eigen split."""

import re
from collections.abc import Iterator
from pathlib import Path

from mtl_plugins.files import read_lines, shorten

from ..data_error import DataError
from .frame import Frame

_CAMERA_OF_SIDE = dict(l=2, r=3)
_DRIVE = r"(?P<drive>[0-9]{4}_[0-9]{2}_[0-9]{2}_drive_[0-9]{4}_sync)"
# `2011_09_26/2011_09_26_drive_0002_sync 0000000069 l`, or the path of the image
_LINES = (
    re.compile(rf"(?:\S+/)?{_DRIVE}\s+(?P<number>[0-9]{{1,10}})\s+(?P<side>[lr])\s*$"),
    re.compile(rf"(?:\S+/)?{_DRIVE}/image_0(?P<camera>[23])/data/(?P<number>[0-9]{{1,10}})\.(?:png|jpg)\b"),
)


def read_frame_list(path: Path) -> Iterator[Frame]:
    """The frames of a list file.

    A line is `2011_09_26/2011_09_26_drive_0002_sync 0000000069 l`, or starts with the path of the image. Blank lines
    and lines that start with `#` are ignored.

    Raises:
        FileNotFoundError: The file does not exist.
        DataError: A line has another format.
    """
    if not path.is_file():
        raise FileNotFoundError(f"the list of frames {path} does not exist.")
    for line in read_lines(path):
        text = line.text.strip().replace("\\", "/")
        found = next((match for match in (pattern.match(text) for pattern in _LINES) if match), None)
        if found is None:
            raise DataError(
                f"{line.place}: expected `2011_09_26/2011_09_26_drive_0002_sync 0000000069 l` (drive, frame, l or r) "
                f"or the path of an image of the raw data, but got {shorten(text)}."
            )
        parts = found.groupdict()
        camera = int(parts["camera"]) if "camera" in parts else _CAMERA_OF_SIDE[parts["side"]]
        yield Frame(parts["drive"], camera, int(parts["number"]))
