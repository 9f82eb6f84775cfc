"""Reads `intrinsics.txt`, the cameras of the images of a `ListedDataset`."""

from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from mtl_plugins.files import TextLine, read_lines, shorten

from .camera_values import Camera, parse_camera
from .data_error import DataError

_FORMAT = "Expected `name fx fy cx cy`, with a tab after a name that contains spaces"


class CameraFile:
    """The cameras of images by the names of their files.

    Args:
        cameras: Cameras by the path of an image in the data root, or by its name with or without the ending.
    """

    def __init__(self, cameras: Mapping[str, Camera]):
        #: The names, as the file has them
        self.names = tuple(cameras)
        self._by_path = {str(PurePosixPath(path)): camera for path, camera in cameras.items()}
        self._by_name: dict[str, Camera | None] = {}  # None: images of this name have different cameras
        for path, camera in self._by_path.items():
            name = PurePosixPath(path).name
            self._by_name[name] = camera if self._by_name.get(name, camera) == camera else None

    def find(self, img: Path, data_root: Path) -> Camera | None:
        """The camera of an image, by its path in the data root, or else by its name; None if it is not listed."""
        path = img.relative_to(data_root) if img.is_relative_to(data_root) else img
        for key in (path.as_posix(), path.with_suffix("").as_posix() if path.name else ""):
            if key in self._by_path:
                return self._by_path[key]
        return self._by_name.get(img.name) or self._by_name.get(img.stem)


def read_camera_file(path: Path) -> CameraFile:
    """Read a file with lines `name fx fy cx cy`; blank lines and lines that start with `#` are ignored.

    Raises:
        DataError: A line has another format, describes no camera, or gives an image a second camera.
    """
    cameras: dict[str, Camera] = {}
    for line in read_lines(path):
        try:
            name, *values = _split(line)
            camera = parse_camera(values)
        except ValueError as error:
            raise DataError(f"{line.place}: {error}, in {shorten(line.text)}. {_FORMAT}.") from None
        if cameras.setdefault(name, camera) != camera:
            raise DataError(f"{line.place}: {shorten(name)} has another camera on an earlier line. Remove one of them.")
    return CameraFile(cameras)


def _split(line: TextLine) -> list[str]:
    """The name and the numbers of a line; spaces may be part of a name if what follows it is no number."""
    name, tab, rest = line.text.strip().partition("\t")
    if tab and name.strip():
        return [name.strip().replace("\\", "/"), *rest.split()]
    cells = line.text.split()
    if len(cells) > 5 and not _is_number(cells[-5]):
        cells = line.text.strip().rsplit(None, 4)
    return [cells[0].replace("\\", "/"), *cells[1:]]


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True
