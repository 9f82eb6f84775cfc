import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable
from pathlib import Path

from mtl_plugins.datasets import DataError
from mtl_plugins.datasets.kitti import Frame, FrameFiles, FrameFinder
from mtl_plugins.datasets.kitti.frame_index import index_line
from mtl_plugins.files import write_text

from .dataset_summary import shorten

_SHOWN, _SHOWN_FOLDERS = 5, 3  # missing images, missing folders
_LAYOUT = "2011_09_26/2011_09_26_drive_0001_sync/image_02/data/0000000000.png"
_DATE = re.compile(r"\d{4}_\d\d_\d\d")


class FrameLists:
    """Lists of KITTI frames: finds the files of the frames, counts them, and writes the lists (see `index_line`).

    Args:
        finder: Finds the files in the official folders.
    """

    def __init__(self, finder: FrameFinder):
        self.finder = finder
        self.counts: dict[str, dict[str, int]] = {}
        self.numbers: dict[tuple[str, int], set[int]] = defaultdict(set)  # {(drive, camera): frames of all lists}
        self._sources: dict[str, Path] = {}
        self._found: dict[str, list[tuple[Frame, FrameFiles]]] = {}
        self._missing_folders: dict[str, Counter[str]] = {}  # by list: the number of frames that are left out
        self._missing: list[str] = []
        self._num_missing = 0

    def add(self, name: str, frames: Iterable[Frame], source: Path) -> None:
        """Add the list of one split; leaves out frames whose drive or camera is missing from the raw data.

        Args:
            name: Name of the split.
            frames: Its frames.
            source: Where they are listed, for messages.
        """
        self._sources[name], self._missing_folders[name] = source, Counter()
        self._found[name] = []
        count = self.counts[name] = dict(frames=0, improved=0, scans=0, left_out=0)
        for frame in frames:
            if not self.finder.has_drive(frame):
                count["left_out"] += 1
                self._missing_folders[name][self.finder.missing_folder(frame)] += 1
                continue
            files = self.finder.files(frame)
            if not self.finder.has_image(files):
                self._num_missing += 1
                self._missing += [files.img] if len(self._missing) < _SHOWN else []
            self.numbers[frame.drive, frame.camera].add(frame.number)
            count["frames"] += 1
            count["improved"] += files.improved is not None
            count["scans"] += files.scan is not None
            self._found[name].append((frame, files))

    def write(self, folder: Path) -> None:
        """Write each list to `<name>.txt`."""
        for name, found in self._found.items():
            write_text(folder / f"{name}.txt", "".join(index_line(files) for _, files in found))

    def cameras(self) -> list[tuple[str, int]]:
        """(date, camera) of all frames."""
        return sorted({(Frame(drive, camera, 0).date, camera) for drive, camera in self.numbers})

    def num_scans(self) -> int:
        """Number of different frames with a laser scan."""
        return len({frame for found in self._found.values() for frame, files in found if files.scan})

    def num_common(self, first: str, second: str) -> int:
        """Number of frames that are in both lists; 0 if a list does not exist."""
        frames = ({frame for frame, _ in self._found.get(name, ())} for name in (first, second))
        return len(set.intersection(*frames))

    def describe_left_out(self, name: str) -> str:
        """Why frames of a list are left out, such as `3 left out: no images of DATE/DRIVE/image_03`; or nothing."""
        missing = self._missing_folders[name]
        if not missing:
            return ""
        return f"{missing.total()} left out: no images of {shorten(sorted(missing), _SHOWN_FOLDERS)} in the raw data"

    def check(self, required: Collection[str] = ()) -> None:
        """Check that there are frames, and that each has its image.

        Args:
            required: Lists that must not be empty.

        Raises:
            FileNotFoundError: All drives of the lists, or of a required list, are missing.
            DataError: Existing drives have missing images, or a required list is empty.
        """
        raw_root = self.finder.raw_root
        for name in required:
            if not self.counts[name]["frames"] and not self.counts[name]["left_out"]:
                raise DataError(
                    f"the list {self._sources[name]} is empty. Expected one frame per line: "
                    "2011_09_26/2011_09_26_drive_0002_sync 0000000069 l"
                )
        if self._num_missing:
            more = "\n  …" if self._num_missing > _SHOWN else ""
            shown = "".join(f"\n  {path}" for path in self._missing)
            raise DataError(
                f"{self._num_missing} images of frames with depth, or in lists, are missing in {raw_root}:{shown}{more}"
                "\nTheir drives are incomplete: unpack the *_sync.zip of these drives again."
            )
        if not self.numbers:
            left_out = sum(count["left_out"] for count in self.counts.values())
            folders = shorten(
                sorted({folder for missing in self._missing_folders.values() for folder in missing}), _SHOWN_FOLDERS
            )
            hint = f" Is --raw {raw_root.parent} the right folder?" if _DATE.fullmatch(raw_root.name) else ""
            raise FileNotFoundError(
                f"{left_out} frames are listed or have depth, but {raw_root} has no images of their drives or "
                f"cameras: {folders}. The raw data must have the layout {_LAYOUT}.{hint}"
            )
        empty = next((name for name in required if not self.counts[name]["frames"]), None)
        if empty:
            raise FileNotFoundError(
                f"{self._sources[empty]}: no frame can be used, {self.describe_left_out(empty)} {raw_root}. Add the "
                "*_sync.zip of these drives, or correct the list."
            )
