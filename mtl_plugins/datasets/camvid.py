from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mtl_plugins.label_spaces import label_space as find_space
from mtl_plugins.registry import DATASETS

from .label_space_option import remap_classes
from .multi_task_dataset import LabelConfig, MultiTaskDataset
from .sample_files import SampleFiles

_IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png")
#: The label space of the annotations, and their id for void.
MASK_IDS, MASK_VOID = "camvid11", 11


@DATASETS.register_module()
class CamVid(MultiTaskDataset):
    """CamVid (Brostow et al., 2008) in the version of SegNet's tutorial: 11 classes, 11 for void.

    Images are `<split>/*.png|jpg`, annotations `<split>annot/<same stem>.png`. All images of the split are used; one
    without an annotation has no `semseg` label. An additional label has the same stem in its own folder:
    `labels=dict(depth=dict(folder='{split}depth', reader='depth', scale=256))`.

    Args:
        data_root: Root folder of the data.
        split: `'train'`, `'val'` or `'test'`.
        label_space: Label space of the returned ids: `'kitti6'`, or any other space that `class_map` reaches from
            `'camvid11'`. Classes and palette follow it.
        metainfo: See `MultiTaskDataset`.
        **kwargs: See `MultiTaskDataset`.
    """

    METAINFO = find_space(MASK_IDS).metainfo
    HOW_TO_PREPARE = "Prepare it with `mtl prepare camvid --root {data_root} --download`."

    def __init__(
        self,
        data_root: str | Path,
        split: str = "train",
        label_space: str = MASK_IDS,
        metainfo: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ):
        self.class_map, metainfo = remap_classes(MASK_IDS, label_space, metainfo)
        super().__init__(data_root, split, metainfo=metainfo, **kwargs)

    def default_labels(self) -> dict[str, LabelConfig]:
        ids = dict(num_classes=self.num_classes, void_ids=(MASK_VOID,), class_map=self.class_map)
        return dict(semseg=dict(folder="{split}annot", reader="classes", **ids))

    def list_samples(self) -> list[SampleFiles]:
        folder = self._source()
        if not folder.is_dir():
            found = sorted(path.name for path in self.data_root.iterdir() if path.is_dir())
            raise FileNotFoundError(
                f"{self._name()}: the folder {folder} does not exist; existing folders: {found}. {self._how_to_get()}"
            )
        images = sorted(path for path in folder.iterdir() if path.suffix.lower() in _IMAGE_SUFFIXES)
        label_files = {
            task: {path.stem: path for path in self._label_folder(label).glob("*.png")}
            for task, label in self.labels.items()
        }
        return [
            SampleFiles(img, {task: files[img.stem] for task, files in label_files.items() if img.stem in files})
            for img in images
        ]

    def _label_folder(self, label: LabelConfig) -> Path:
        return self.data_root / label["folder"].format(split=self.split)

    def _source(self) -> Path:
        return self.data_root / self.split
