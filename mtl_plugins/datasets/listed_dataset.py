from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .data_error import DataError
from .multi_task_dataset import MultiTaskDataset
from .sample_files import SampleFiles

Camera = tuple[float, ...]  # fx, fy, cx, cy


class ListedDataset(MultiTaskDataset):
    """A dataset defined by list files: one image per line, tab-separated paths.

    `<data_root>/<split>.txt` contains lines such as `rgb/000001.png⇥masks/000001.png⇥depth/000001.png`. The folder of a
    path determines its task. If no folder is known, the column does: the image, then the labels in their order. An
    empty cell, `-` or no cell marks a missing label. The optional file `intrinsics.txt` has one line
    `name fx fy cx cy` per image.

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
        self.ann_file, self.folders, self.intrinsics = ann_file, folders or {}, intrinsics
        self._given_labels = tuple(kwargs.get("labels") or ())
        super().__init__(data_root, split, **kwargs)

    def list_samples(self) -> list[SampleFiles]:
        path = self._source()
        if not path.is_file():
            lists = sorted(file.name for file in path.parent.glob("*.txt")) if path.parent.is_dir() else []
            raise FileNotFoundError(
                f"{self._name()}: the list file {path} does not exist; existing lists: {lists or 'none'}. Set split=… "
                f"or ann_file=…. {self._how_to_get()}"
            )
        cameras = self._read_intrinsics()
        defaults = self.default_labels()
        columns = ("img", *dict.fromkeys((*defaults, *self._given_labels)))
        ignored = [task for task in columns[1:] if task not in self.labels]
        task_of_folder = {
            "rgb": "img",
            **self.KNOWN_FOLDERS,
            **{label["folder"]: t for t, label in self.labels.items() if "folder" in label},
            **{defaults.get(task, {}).get("folder", task): task for task in ignored},
            **self.folders,
        }
        lines = path.read_text(encoding="utf-8").splitlines()
        return [
            self._parse_line(line, f"{path}, line {number}", columns, task_of_folder, cameras)
            for number, line in enumerate(lines, 1)
            if line.strip()
        ]

    def _parse_line(
        self,
        line: str,
        place: str,
        columns: tuple[str, ...],
        task_of_folder: Mapping[str, str],
        cameras: Mapping[str, Camera],
    ) -> SampleFiles:
        files: dict[str, Path] = {}
        for position, cell in enumerate(cell.strip() for cell in line.split("\t")):
            if cell in ("", "-"):
                continue
            by_folder = [task_of_folder[part] for part in reversed(Path(cell).parts[:-1]) if part in task_of_folder]
            if not by_folder and position >= len(columns):
                folder = Path(cell).parent.name or "unused"
                label = f"labels=dict({folder}=None)" if folder.isidentifier() else f"labels={{{folder!r}: None}}"
                raise DataError(
                    f"{place}: cell {position + 1}, {cell!r}, belongs to no known label ({', '.join(columns)}). Ignore "
                    f"it with {label} in the dataset's config, define a label with "
                    "labels=dict(TASK=dict(folder=…, reader=…)), or name the folder of a known one with "
                    "folders=dict(FOLDER=TASK)."
                )
            task = by_folder[0] if by_folder else columns[position]
            if task not in ("img", *self.labels):  # ignored by labels=dict(TASK=None)
                continue
            if task in files:
                raise DataError(
                    f"{place}: two files for {task}: {files[task]} and {cell}. Each line has at most one file per task."
                )
            files[task] = self.data_root / cell
        if "img" not in files:
            raise DataError(
                f"{place}: no image in {line!r}. The image is in a folder 'rgb' (or another one, with "
                "folders=dict(FOLDER='img')), or is the first cell; cells are separated by tabs."
            )
        img = files.pop("img")
        files = self.adjust_files(files, place)
        return SampleFiles(img, files, self._camera_of(img, cameras))

    def adjust_files(self, files: dict[str, Path], place: str) -> dict[str, Path]:
        """Adapt the label files of one line to the options of the dataset; for subclasses.

        Args:
            files: `{task: path}`.
            place: List file and line, for error messages.
        """
        return files

    def _camera_of(self, img: Path, cameras: Mapping[str, Camera]) -> Camera | None:
        return cameras.get(img.name, cameras.get(img.stem, self.intrinsics))

    def _read_intrinsics(self) -> dict[str, Camera]:
        path = self.data_root / "intrinsics.txt"
        if not path.is_file():
            return {}
        cameras: dict[str, Camera] = {}
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            if not line.strip() or line.startswith("#"):
                continue
            try:
                name, *values = line.split()
                fx, fy, cx, cy = map(float, values)
            except ValueError:
                raise DataError(f"{path}, line {number}: expected `name fx fy cx cy`, but got {line!r}.") from None
            cameras[Path(name).name] = (fx, fy, cx, cy)
        return cameras

    def _source(self) -> Path:
        return self.data_root / (self.ann_file or f"{self.split}.txt")
