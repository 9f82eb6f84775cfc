from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mtl_plugins.label_spaces import label_space as find_space
from mtl_plugins.registry import DATASETS

from ..holdout_split import VAL_EVERY, holdout_split
from ..label_space_option import metainfo_of_space
from ..multi_task_dataset import LabelConfig, MultiTaskDataset
from ..sample_files import SampleFiles
from .calibration import read_intrinsics
from .official_data import CAMERAS

#: The label space of the files; KITTI's benchmark of 2018 uses the ids of Cityscapes.
CITYSCAPES_IDS = "cityscapes34"
_LEFT_CAMERA = CAMERAS[0]


@DATASETS.register_module()
class KITTISemantic(MultiTaskDataset):
    """KITTI's semantic benchmark of 2018 (Alhaija et al., IJCV 2018) with the ids of Cityscapes.

    Images are `training/image_2/%06d_10.png`, labels `training/semantic/%06d_10.png`. The benchmark has 200 labelled
    images and no validation split. Every fifth image, in the order of the names, is held out here (000004_10,
    000009_10, …). Scores on these images are specific to this project.

    The images are those of the stereo benchmark of 2015. If its calibration (`data_scene_flow_calib.zip`) is unpacked
    next to them as `training/calib_cam_to_cam/%06d.txt`, samples have intrinsics.

    Args:
        data_root: Root folder of the data.
        split: `'train'`, `'val'`, `'trainval'` (all labelled images), or `'test'`: the unlabelled images of
            `testing/image_2`.
        label_space: Label space of the returned ids: `'cityscapes19'`, `'kitti6'`, `'cityscapes34'`, … (any space that
            `class_map` reaches from `'cityscapes34'`).
        val_every: One in this many images is held out.
        metainfo: See `MultiTaskDataset`.
        **kwargs: See `MultiTaskDataset`.
    """

    METAINFO = find_space("cityscapes19").metainfo
    HOW_TO_PREPARE = (
        "Prepare it with `mtl prepare kitti-semantic --root {data_root} --download`, or unpack "
        "data_semantics.zip there."
    )

    def __init__(
        self,
        data_root: str | Path,
        split: str = "train",
        label_space: str = "cityscapes19",
        val_every: int = VAL_EVERY,
        metainfo: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ):
        self.label_space, self.val_every = label_space, val_every
        super().__init__(data_root, split, metainfo=metainfo_of_space(label_space, metainfo), **kwargs)

    def default_labels(self) -> dict[str, LabelConfig]:
        ids = dict(num_classes=self.num_classes, class_map=(CITYSCAPES_IDS, self.label_space))
        return dict(semseg=dict(folder="semantic", reader="classes", **ids))

    def list_samples(self) -> list[SampleFiles]:
        images = sorted(self._source().glob("*_10.png"))
        return [self._sample(image) for image in (images if self._is_test else self._select_split(images))]

    def _select_split(self, images: list[Path]) -> list[Path]:
        try:
            return holdout_split(images, self.split, self.val_every)
        except ValueError as error:
            raise ValueError(f"{self._name()}: {error} The benchmark's unlabelled images are split='test'.") from None

    def _sample(self, image: Path) -> SampleFiles:
        folder = image.parents[1]
        labels = {} if self._is_test else {task: folder / label["folder"] for task, label in self.labels.items()}
        files = {task: path / image.name for task, path in labels.items() if (path / image.name).is_file()}
        calibration = folder / "calib_cam_to_cam" / f"{image.name[:6]}.txt"
        return SampleFiles(image, files, read_intrinsics(calibration, _LEFT_CAMERA) if calibration.is_file() else None)

    @property
    def _is_test(self) -> bool:
        return self.split == "test"

    def _source(self) -> Path:
        return self.data_root / ("testing" if self._is_test else "training") / "image_2"
