import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmengine.logging import print_log

from mtl_plugins.files import TextLine, read_lines, shorten

from .camera_file import CameraFile, read_camera_file
from .camera_values import Camera, parse_camera
from .data_error import DataError
from .multi_task_dataset import MultiTaskDataset
from .sample_files import SampleFiles

#: The file with the cameras of the images, in the data root.
INTRINSICS = "intrinsics.txt"


class ListedDataset(MultiTaskDataset):
    """A dataset defined by list files: one image per line, tab-separated paths.

    `<data_root>/<split>.txt` contains lines such as `rgb/000001.png⇥masks/000001.png⇥depth/000001.png`. The folder of a
    path determines its task. If no folder is known, the column does: the image, then the labels in their order. An
    empty cell, `-` or no cell marks a missing label. The optional file `intrinsics.txt` has one line
    `name fx fy cx cy` per image; the name is the path in the list, or the file's name with or without its ending.

    Both files are UTF-8, with or without a byte order mark, and with any line ends. Blank lines and lines that start
    with `#` are ignored. Backslashes in a path separate folders as slashes do, and a list without tabs may separate its
    cells by spaces, unless a file exists under the complete name. A path may be absolute or lead out of the data root:
    such files are only read.

    Args:
        data_root: Root folder of the data.
        split: Name of the list file without `.txt`.
        ann_file: Another list file, absolute or relative to `data_root`.
        folders: Additional folder names, `{folder: task}`; the task of images is `'img'`.
        intrinsics: fx, fy, cx, cy of all images that `intrinsics.txt` does not name.
        **kwargs: See `MultiTaskDataset`.
    """

    KNOWN_FOLDERS: Mapping[str, str] = {}  # {folder: task}, in addition to the folders of the labels

    def __init__(
        self,
        data_root: str | Path,
        split: str = "train",
        ann_file: str | Path | None = None,
        folders: Mapping[str, str] | None = None,
        intrinsics: Camera | None = None,
        **kwargs: Any,
    ):
        self.ann_file, self.folders = ann_file, folders or {}
        self.intrinsics = None if intrinsics is None else self._check_option(intrinsics)
        self._given_labels = tuple(kwargs.get("labels") or ())
        super().__init__(data_root, split, **kwargs)

    def list_samples(self) -> list[SampleFiles]:
        path = self._source()
        if not path.exists():
            texts = path.parent.glob("*.txt") if path.parent.is_dir() else ()
            lists = sorted(file.name for file in texts if file.is_file())
            raise FileNotFoundError(
                f"{self._name()}: the list file {path} does not exist; existing lists: {lists or 'none'}. Set split=… "
                f"or ann_file=…. {self._how_to_get()}"
            )
        cameras = self._read_cameras()
        defaults = self.default_labels()
        columns = ("img", *dict.fromkeys((*defaults, *self._given_labels)))
        ignored = [task for task in columns[1:] if task not in self.labels]
        task_of_folder = {
            "rgb": "img",
            **self.KNOWN_FOLDERS,
            **{defaults.get(task, {}).get("folder", task): task for task in ignored},
            **{label["folder"]: t for t, label in self.labels.items() if "folder" in label},
            **self.folders,
        }
        return [self._parse_line(line, columns, task_of_folder, cameras) for line in read_lines(path)]

    def _parse_line(
        self,
        line: TextLine,
        columns: tuple[str, ...],
        task_of_folder: Mapping[str, str],
        cameras: CameraFile,
    ) -> SampleFiles:
        files: dict[str, Path] = {}
        place = line.place
        for position, cell in enumerate(self._split_cells(line.text)):
            if cell in ("", "-"):
                continue
            by_folder = [task_of_folder[part] for part in reversed(Path(cell).parts[:-1]) if part in task_of_folder]
            if not by_folder and position >= len(columns):
                folder = Path(cell).parent.name or "unused"
                label = f"labels=dict({folder}=None)" if folder.isidentifier() else f"labels={{{folder!r}: None}}"
                header = " If the line is a header, start it with '#'." if line.number == 1 else ""
                raise DataError(
                    f"{place}: cell {position + 1}, {shorten(cell)}, belongs to no known label ({', '.join(columns)}). "
                    f"Ignore it with {label} in the dataset's config, define a label with "
                    "labels=dict(TASK=dict(folder=…, reader=…)), or name the folder of a known one with "
                    f"folders=dict(FOLDER=TASK).{header}"
                )
            task = by_folder[0] if by_folder else columns[position]
            if task not in ("img", *self.labels):  # ignored by labels=dict(TASK=None)
                continue
            if task in files:
                raise DataError(
                    f"{place}: two files for {task}: {files[task]} and {shorten(cell)}. Each line has at most one file "
                    "per task."
                )
            files[task] = self.data_root / cell
        if "img" not in files:
            raise DataError(
                f"{place}: no image in {shorten(line.text)}. The image is in a folder 'rgb' (or another one, with "
                "folders=dict(FOLDER='img')), or is the first cell; cells are separated by tabs."
            )
        img = files.pop("img")
        files = self.adjust_files(files, place)
        return SampleFiles(img, files, self._camera_of(img, cameras))

    def check(self) -> None:
        """Check the files as `MultiTaskDataset.check` does, and the names in `intrinsics.txt`.

        Raises:
            DataError: `intrinsics.txt` names no image at all.
        """
        super().check()
        path = self.data_root / INTRINSICS
        if not path.exists():
            return
        unnamed = [sample.img for sample in self.samples if sample.intrinsics in (None, self.intrinsics)]
        if not unnamed:
            return
        example = unnamed[0].relative_to(self.data_root) if unnamed[0].is_relative_to(self.data_root) else unnamed[0]
        names = (
            "A name must be the path of an image in the data root, or the name of its file with or without the ending; "
            "images of the same name in several folders need the path."
        )
        if len(unnamed) == len(self.samples) and not self._names_any_image(cameras := self._read_cameras()):
            first = f"; the first name in the file is {shorten(cameras.names[0])}" if cameras.names else ""
            raise DataError(
                f"{self._name()}: none of the {len(unnamed)} images has a camera in {path}, such as {example}{first}. "
                f"{names} Correct the names, or remove the file if the cameras are unknown."
            )
        if self.intrinsics is None:
            print_log(
                f"{self._name()}: {len(unnamed)} of {len(self.samples)} images have no camera in {path}, such as "
                f"{example}. {names}",
                "current",
                logging.WARNING,
            )

    def _names_any_image(self, cameras: CameraFile) -> bool:
        """Whether the file names any image, which may be one of another split or one that `limit` leaves out."""
        if any(self._exists(name) for name in cameras.names):
            return True
        folders = {sample.img.parent for sample in self.samples}
        files = (file for folder in folders if folder.is_dir() for file in folder.iterdir())
        return any(cameras.find(file, self.data_root) is not None for file in files)

    def adjust_files(self, files: dict[str, Path], place: str) -> dict[str, Path]:
        """Adapt the label files of one line to the options of the dataset; for subclasses.

        Args:
            files: `{task: path}`.
            place: List file and line, for error messages.
        """
        return files

    def _split_cells(self, line: str) -> list[str]:
        """The cells of a line, with slashes between folders; a backslash may also belong to the name of a file."""
        cells = [cell.strip() for cell in line.split("\t")]
        if len(cells) == 1 and " " in cells[0] and not self._exists(cells[0]):
            by_spaces = cells[0].split()
            cells = by_spaces if self._exists(by_spaces[0].replace("\\", "/")) else cells
        return [cell if "\\" not in cell or self._exists(cell) else cell.replace("\\", "/") for cell in cells]

    def _exists(self, name: str) -> bool:
        try:
            return (self.data_root / name).exists()
        except OSError:  # such as a name that is too long
            return False

    def _advice(self) -> str:
        return (
            f"{super()._advice()} Cells are separated by tabs, not by commas, a header line must start with '#', and "
            f"paths are relative to {self.data_root}."
        )

    def _check_option(self, intrinsics: Camera) -> Camera:
        try:
            return parse_camera(intrinsics)
        except (TypeError, ValueError) as error:
            raise ValueError(f"{type(self).__name__}: intrinsics={intrinsics!r}: {error}.") from None

    def _camera_of(self, img: Path, cameras: CameraFile) -> Camera | None:
        return cameras.find(img, self.data_root) or self.intrinsics

    def _read_cameras(self) -> CameraFile:
        path = self.data_root / INTRINSICS
        return read_camera_file(path) if path.exists() else CameraFile({})

    def _source(self) -> Path:
        return self.data_root / (self.ann_file or f"{self.split}.txt")
