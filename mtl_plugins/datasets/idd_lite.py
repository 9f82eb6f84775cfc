from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mtl_plugins.label_spaces import label_space as find_space
from mtl_plugins.registry import DATASETS

from .label_space_option import remap_classes
from .multi_task_dataset import LabelConfig, MultiTaskDataset
from .sample_files import SampleFiles

#: The label space of the annotations.
MASK_IDS = "iddlite7"
IMAGE_FOLDER, LABEL_FOLDER = "leftImg8bit", "gtFine"
_IMAGE_ENDING, _LABEL_ENDING = "_image.jpg", "_label.png"


@DATASETS.register_module()
class IDDLite(MultiTaskDataset):
    """IDD-Lite (Varma et al., WACV 2019) in its official folders: Indian roads, 320 × 227 pixels, 7 classes.

    Images are `leftImg8bit/<split>/<sequence>/*_image.jpg`, annotations `gtFine/<split>/<sequence>/*_label.png` with
    the same prefix. An image without an annotation has no `semseg` label; the official test split has none. An
    additional label is `<folder>/<split>/<sequence>/*_label.png`.

    Args:
        data_root: Root folder of the data.
        split: `'train'`, `'val'` or `'test'`.
        label_space: Label space of the returned ids: `'kitti6'`, or any other space that `class_map` reaches from
            `'iddlite7'`. Classes and palette follow it.
        metainfo: See `MultiTaskDataset`.
        **kwargs: See `MultiTaskDataset`.
    """

    METAINFO = find_space(MASK_IDS).metainfo
    HOW_TO_PREPARE = (
        "Prepare it with `mtl prepare iddlite --root {data_root}`, which explains what to download (a login is needed)."
    )

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
        return dict(
            semseg=dict(folder=LABEL_FOLDER, reader="classes", num_classes=self.num_classes, class_map=self.class_map)
        )

    def list_samples(self) -> list[SampleFiles]:
        return [self._sample(image) for image in sorted(self._source().glob(f"*/*{_IMAGE_ENDING}"))]

    def _sample(self, image: Path) -> SampleFiles:
        name = Path(self.split, image.parent.name, image.name.removesuffix(_IMAGE_ENDING) + _LABEL_ENDING)
        files = {task: self.data_root / label["folder"] / name for task, label in self.labels.items()}
        return SampleFiles(image, {task: path for task, path in files.items() if path.is_file()})

    def _source(self) -> Path:
        return self.data_root / IMAGE_FOLDER / self.split
