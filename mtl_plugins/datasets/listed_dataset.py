from pathlib import Path

from .errors import DataError
from .multi_task_dataset import MultiTaskDataset, SampleFiles


class ListedDataset(MultiTaskDataset):
    """A dataset that list files tell of: tab-separated paths, one image a line.

    ``<data_root>/<split>.txt`` holds lines such as ``rgb/000001.png⇥masks/000001.png⇥depth/000001.png``. A
    cell's task is told by its folder, or, where the folder tells nothing, by its place: image, then the labels in their
    order. A label that is missing is an empty cell, ``-``, or no cell at all. ``intrinsics.txt``, if there, has a line
    ``name fx fy cx cy`` an image.

    Args:
        ann_file (str): another list file, in ``data_root`` or absolute.
        folders (dict): further folder names, ``{folder: task}``, ``'img'`` for the image.
        intrinsics (tuple): fx, fy, cx, cy of all images that ``intrinsics.txt`` does not name.
        **kwargs: see `MultiTaskDataset`.
    """

    KNOWN_FOLDERS = {}  # {folder: task}, beside those of the labels

    def __init__(self, data_root, split="train", ann_file=None, folders=None, intrinsics=None, **kwargs):
        self.ann_file, self.folders, self.intrinsics = ann_file, folders or {}, intrinsics
        super().__init__(data_root, split, **kwargs)

    def list_samples(self):
        path = self._source()
        if not path.is_file():
            lists = sorted(file.name for file in path.parent.glob("*.txt")) if path.parent.is_dir() else []
            raise FileNotFoundError(
                f"{self._name()}: there is no list file {path}; there: {lists or 'no list at all'}. Give "
                f"split=… or ann_file=…. {self._how_to_get()}"
            )
        cameras = self._read_intrinsics()
        task_of_folder = {
            "rgb": "img",
            **self.KNOWN_FOLDERS,
            **{label["folder"]: t for t, label in self.labels.items() if "folder" in label},
        }
        task_of_folder |= self.folders
        lines = path.read_text(encoding="utf-8").splitlines()
        return [
            self._parse(line, f"{path}, line {number}", task_of_folder, cameras)
            for number, line in enumerate(lines, 1)
            if line.strip()
        ]

    def _parse(self, line, place, task_of_folder, cameras):
        order = ("img", *self.labels)
        files = {}
        for position, cell in enumerate(cell.strip() for cell in line.split("\t")):
            if cell in ("", "-"):
                continue
            told = [task_of_folder[part] for part in reversed(Path(cell).parts[:-1]) if part in task_of_folder]
            if not told and position >= len(order):
                raise DataError(
                    f"{place}: cell {position + 1}, {cell!r}, belongs to no known label "
                    f"({', '.join(order)}). Name its folder with folders=dict(FOLDER=TASK) or the label with "
                    "labels=dict(TASK=dict(folder=…, reader=…))."
                )
            task = told[0] if told else order[position]
            if task in files:
                raise DataError(f"{place}: two files for {task}: {files[task]} and {cell}. A cell a task.")
            files[task] = self.data_root / cell
        if "img" not in files:
            raise DataError(
                f"{place}: no image among {line!r}. The image lies in a folder 'rgb' (or another, with "
                f"folders=dict(FOLDER='img')), or is the first cell; cells are separated by tabs."
            )
        img = files.pop("img")
        files = self.adjusted(files, place)
        return SampleFiles(img, files, cameras.get(img.name, cameras.get(img.stem, self.intrinsics)))

    def adjusted(self, files, place):
        """``{task: path}`` of a line as the dataset's options want it; ``place`` is for messages."""
        return files

    def _read_intrinsics(self):
        path = self.data_root / "intrinsics.txt"
        if not path.is_file():
            return {}
        cameras = {}
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

    def _source(self):
        return self.data_root / (self.ann_file or f"{self.split}.txt")
