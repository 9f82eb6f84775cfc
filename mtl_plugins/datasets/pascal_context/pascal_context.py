from collections.abc import Callable
from pathlib import Path
from typing import Any

from mtl_plugins.functional.palette import make_palette
from mtl_plugins.label_spaces import label_space as find_space
from mtl_plugins.registry import DATASETS

from ..files_by_name import FilesByName
from ..multi_task_dataset import LabelConfig
from ..named_dataset import NamedDataset
from ..sample_files import SampleFiles
from .context_edges import EDGE_RULES, read_context_edges
from .human_parts import PART_CLASSES, read_human_parts

IMAGE_FOLDER = "JPEGImages"
#: Folders of the labels; the first that has a file counts
FOLDERS = dict(
    semseg=("semseg/VOC12", "semseg/pascal-context"),
    parts=("human_parts",),
    saliency=("sal_distill",),
    normals=("normals_distill",),
    edge=("pascal-context/trainval",),
)
_SUFFIXES = (".png", ".mat", ".npy")


@DATASETS.register_module()
class PASCALContext(NamedDataset):
    """PASCAL-Context in the layout of the archive `PASCAL_MT`, which papers on multi-task learning use.

    `ImageSets/Context/<split>.txt` lists the names of the images, `JPEGImages/<name>.jpg` (VOC 2010). The labels have
    the same name:

    - `semseg`: `semseg/VOC12/*.png`, or `semseg/pascal-context/*.png`: 21 classes, 255 void;
    - `parts`: `human_parts/*.mat`: background and six parts, only for images with annotated persons;
    - `saliency`: `sal_distill/*.png`, cut at one half;
    - `normals`: `normals_distill/*.png`, see `read_vectors`;
    - `edge`: from the label maps `pascal-context/trainval/*.mat`, see `read_context_edges`.

    Saliency and normals are predictions of other networks (Maninis et al., CVPR 2019). An image without a file has no
    such label.

    Args:
        data_root: Root folder of the data.
        split: Name of the list without `.txt`: `'train'` (4,998 images) or `'val'` (5,105 images).
        edge_rule: See `read_context_edges`. None: `'laplacian'` for `'train'`, otherwise `'seg2bmap'`.
        **kwargs: See `MultiTaskDataset`.

    Raises:
        FileNotFoundError: The list is missing, or edges are read and the folder `pascal-context/trainval` is missing.
        ValueError: `edge_rule` is unknown.
    """

    LIST_FOLDER = "ImageSets/Context"
    METAINFO = dict(
        find_space("voc21").metainfo,
        task_classes=dict(parts=PART_CLASSES),
        task_palettes=dict(parts=[tuple(map(int, colour)) for colour in make_palette(len(PART_CLASSES))]),
    )
    HOW_TO_PREPARE = "Prepare it by unpacking PASCAL_MT.tgz, so that {data_root} contains JPEGImages and ImageSets."

    def __init__(self, data_root: str | Path, split: str = "train", edge_rule: str | None = None, **kwargs: Any):
        if edge_rule not in (None, *EDGE_RULES):
            raise ValueError(f"PASCALContext: edge_rule={edge_rule!r} is unknown: use {' or '.join(EDGE_RULES)}.")
        self.edge_rule = edge_rule or ("laplacian" if split == "train" else "seg2bmap")
        super().__init__(data_root, split, **kwargs)

    def default_labels(self) -> dict[str, LabelConfig]:
        readers: dict[str, tuple[str | Callable, dict[str, Any]]] = dict(
            semseg=("classes", dict(num_classes=self.num_classes)),
            parts=(read_human_parts, {}),
            saliency=("binary", {}),
            normals=("vectors", {}),
            edge=(read_context_edges, dict(rule=self.edge_rule)),
        )
        return {task: dict(reader=reader, **options) for task, (reader, options) in readers.items()}

    def list_samples(self) -> list[SampleFiles]:
        names, files = self.names(), FilesByName(self.data_root)
        context = self.data_root / FOLDERS["edge"][0]
        if "edge" in self._wanted and "folder" not in self.labels["edge"] and not context.is_dir():
            raise FileNotFoundError(
                f"{self._name()}: the folder {context} does not exist; edges are made from its label maps. Complete "
                "the archive PASCAL_MT, or leave edges out: tasks=['semseg', 'parts', 'saliency', 'normals']."
            )
        return [self._sample(name, files) for name in names]

    def _sample(self, name: str, files: FilesByName) -> SampleFiles:
        labels = {}
        for task, label in self.labels.items():
            folders = (label["folder"],) if "folder" in label else FOLDERS.get(task, (task,))
            found = (files.find(folder, name, _SUFFIXES) for folder in folders)
            file = next((path for path in found if path is not None), None)
            if file is not None:
                labels[task] = file
        return SampleFiles(self.data_root / IMAGE_FOLDER / f"{name}.jpg", labels)
