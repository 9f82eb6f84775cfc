from pathlib import Path

from mtl_plugins.label_spaces import label_space
from mtl_plugins.registry import DATASETS

from .errors import DataError
from .multi_task_dataset import MultiTaskDataset, SampleFiles

#: The colour camera of NYUDv2 at 640×480 (fx, fy, cx, cy), from `camera_params.m` of the dataset's toolbox.
KINECT_INTRINSICS = (518.85790117, 519.46961112, 325.58244941, 253.73616634)

#: What the authors' 16-bit depth PNG counts in a metre.
DEPTH_SCALE = 5000.0


@DATASETS.register_module()
class NYUDv2(MultiTaskDataset):
    """NYUDv2, or any data in its layout: list files of tab-separated paths, one image a line.

    ``<data_root>/<split>.txt`` holds lines such as ``rgb/000001.png⇥masks/000001.png⇥depth/000001.png``. A
    cell's task is told by its folder, or, where the folder tells nothing, by its place: image, semseg, depth,
    normals, then the labels of yours in their order. A label that is missing is an empty cell, ``-``, or no
    cell at all. ``intrinsics.txt``, if there, has a line ``name fx fy cx cy`` an image.

    Args:
        ann_file (str): another list file, in ``data_root`` or absolute.
        folders (dict): further folder names, ``{folder: task}``, ``'img'`` for the image.
        depth_scale (float): what the 16-bit depth PNG counts in a metre.
        intrinsics (tuple): fx, fy, cx, cy of all images; `KINECT_INTRINSICS` for NYUDv2 itself.
        **kwargs: see `MultiTaskDataset`.
    """

    METAINFO = label_space("nyud40").metainfo
    HOW_TO_PREPARE = (
        "Prepare it in the authors' layout: {data_root}/rgb, masks, depth, normals, lists train.txt and val.txt "
        "of tab-separated paths (see help(NYUDv2))."
    )

    def __init__(
        self,
        data_root,
        split="train",
        ann_file=None,
        folders=None,
        depth_scale=DEPTH_SCALE,
        intrinsics=None,
        **kwargs,
    ):
        self.ann_file = ann_file
        self.folders = folders or {}
        self.depth_scale = depth_scale
        self.intrinsics = intrinsics
        super().__init__(data_root, split, **kwargs)

    def default_labels(self):
        return dict(
            semseg=dict(folder="masks", reader="classes", num_classes=self.num_classes),
            depth=dict(folder="depth", reader="depth", scale=self.depth_scale),
            normals=dict(folder="normals", reader="normals"),
        )

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
        return SampleFiles(img, files, cameras.get(img.name, cameras.get(img.stem, self.intrinsics)))

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
