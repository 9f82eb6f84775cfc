from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

from mtl_plugins.datasets import DataError
from mtl_plugins.datasets.kitti import Frame, FrameFinder
from mtl_plugins.datasets.kitti.frame_index import index_line
from mtl_plugins.files import write_file

_SHOWN = 5  # missing images


class FrameLists:
    """Writes the lists of KITTI frames (see `index_line`) line by line, and counts their files.

    Args:
        finder: Finds the files in the official folders.
    """

    def __init__(self, finder: FrameFinder):
        self.finder = finder
        self.counts: dict[str, dict[str, int]] = {}
        self.numbers: dict[tuple[str, int], set[int]] = defaultdict(set)  # {(drive, camera): frames of all lists}
        self._missing: list[str] = []
        self._num_missing = 0

    def write(self, path: Path, frames: Iterable[Frame]) -> None:
        """Write the list of one split; leaves out frames of drives that are missing from the raw data."""
        count = self.counts[path.stem] = dict(frames=0, improved=0, scans=0, left_out=0)
        write_file(path, lambda file: file.writelines(line.encode() for line in self._lines(frames, count)))

    def _lines(self, frames: Iterable[Frame], count: dict[str, int]) -> Iterator[str]:
        for frame in frames:
            if not self.finder.has_drive(frame):
                count["left_out"] += 1
                continue
            files = self.finder.files(frame)
            if not self.finder.has_image(files):
                self._num_missing += 1
                self._missing += [files.img] if len(self._missing) < _SHOWN else []
            self.numbers[frame.drive, frame.camera].add(frame.number)
            count["frames"] += 1
            count["improved"] += files.improved is not None
            count["scans"] += files.scan is not None
            yield index_line(files)

    def cameras(self) -> list[tuple[str, int]]:
        """(date, camera) of all frames."""
        return sorted({(Frame(drive, camera, 0).date, camera) for drive, camera in self.numbers})

    def check(self) -> None:
        """Check that there are frames, and that each has its image.

        Raises:
            FileNotFoundError: All drives of the lists are missing.
            DataError: Existing drives have missing images.
        """
        raw_root = self.finder.raw_root
        if self._num_missing:
            more = "\n  …" if self._num_missing > _SHOWN else ""
            shown = "".join(f"\n  {path}" for path in self._missing)
            raise DataError(
                f"{self._num_missing} images of frames with depth, or in lists, are missing in {raw_root}:{shown}{more}"
                "\nTheir drives are incomplete: unpack the *_sync.zip of these drives again."
            )
        if not self.numbers:
            left_out = sum(count["left_out"] for count in self.counts.values())
            raise FileNotFoundError(
                f"{left_out} frames are listed or have depth, but {raw_root} has no images of their drives. The raw "
                "data must have the layout 2011_09_26/2011_09_26_drive_0001_sync/image_02/data/0000000000.png."
            )
