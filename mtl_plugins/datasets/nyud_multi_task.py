from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from mtl_plugins.label_spaces import VOID, class_map
from mtl_plugins.label_spaces import label_space as find_space
from mtl_plugins.registry import DATASETS

from .files_by_name import FilesByName
from .label_space_option import metainfo_of_space
from .multi_task_dataset import LabelConfig
from .named_dataset import NamedDataset
from .nyudv2 import MASK_IDS
from .sample_files import SampleFiles

IMAGE_FOLDER = "images"
_IMAGE_SUFFIXES = (".jpg", ".png")
_LABEL_SUFFIXES = (".png", ".npy")


@DATASETS.register_module()
class NYUDMultiTask(NamedDataset):
    """NYUDv2 in the layout of the archive `NYUD_MT`, which papers on multi-task learning use.

    `gt_sets/<split>.txt` lists the names of the images, `images/<name>.jpg|png`. The labels have the same name:

    - `segmentation/*.png`: ids 1 to 40, 0 for unlabelled pixels (returned as 0 to 39 and 255);
    - `depth/*.npy`: metres;
    - `normals/*.npy|png`: x, y, z, see `read_vectors`;
    - `edge/*.npy|png`: 0 and 1 (in images 0 and 255), see `read_edges`.

    An image without a file has no such label.

    Args:
        data_root: Root folder of the data.
        split: Name of the list without `.txt`: `'train'` (795 images) or `'val'` (654 images).
        label_space: Label space of the returned ids: `'nyud40'` or `'nyud13'`.
        metainfo: See `MultiTaskDataset`.
        **kwargs: See `MultiTaskDataset`.
    """

    LIST_FOLDER = "gt_sets"
    METAINFO = find_space(MASK_IDS).metainfo
    HOW_TO_PREPARE = "Prepare it by unpacking NYUD_MT.tgz, so that {data_root} contains images and gt_sets."

    def __init__(
        self,
        data_root: str | Path,
        split: str = "train",
        label_space: str = MASK_IDS,
        metainfo: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ):
        self.class_map = _from_one(label_space)
        if label_space != MASK_IDS:
            metainfo = metainfo_of_space(label_space, metainfo)
        super().__init__(data_root, split, metainfo=metainfo, **kwargs)

    def default_labels(self) -> dict[str, LabelConfig]:
        return dict(
            semseg=dict(
                folder="segmentation", reader="classes", num_classes=self.num_classes, class_map=self.class_map
            ),
            depth=dict(folder="depth", reader="depth", scale=1.0),
            normals=dict(folder="normals", reader="vectors"),
            edge=dict(folder="edge", reader="edges"),
        )

    def list_samples(self) -> list[SampleFiles]:
        names, files = self.names(), FilesByName(self.data_root)
        samples = []
        for name in names:
            image = files.find(IMAGE_FOLDER, name, _IMAGE_SUFFIXES)
            found = {
                task: files.find(label.get("folder", task), name, _LABEL_SUFFIXES)
                for task, label in self.labels.items()
            }
            labels = {task: file for task, file in found.items() if file is not None}
            samples.append(SampleFiles(image or self.data_root / IMAGE_FOLDER / f"{name}.jpg", labels))
        return samples


def _from_one(space: str) -> tuple[int, ...]:
    """The class map of files whose ids start from 1."""
    table = np.arange(40) if space == MASK_IDS else class_map(MASK_IDS, space)[:40]
    return (VOID, *(int(i) for i in table))
