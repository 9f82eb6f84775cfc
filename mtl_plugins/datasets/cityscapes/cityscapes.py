from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from mtl_plugins.label_spaces import label_space as find_space
from mtl_plugins.registry import DATASETS

from ..label_space_option import metainfo_of_space
from ..multi_task_dataset import LabelConfig, MultiTaskDataset
from ..readers import parse_depth_range
from ..sample_files import SampleFiles
from .disparity_reader import find_camera_file, read_disparity, read_metres
from .stereo_camera import read_camera

#: The label space of `*_labelIds.png`.
FILE_IDS = "cityscapes34"
IMAGE_FOLDER, LABEL_FOLDER, DISPARITY_FOLDER = "leftImg8bit", "gtFine", "disparity"
_IMAGE_ENDING, _LABEL_ENDING = f"_{IMAGE_FOLDER}.png", "_labelIds.png"


@DATASETS.register_module()
class Cityscapes(MultiTaskDataset):
    """Cityscapes (Cordts et al., CVPR 2016) in its official folders.

    Images are `leftImg8bit/<split>/<city>/*_leftImg8bit.png`. With the same prefixes there are
    `gtFine/…_gtFine_labelIds.png`, `disparity/…_disparity.png` and `camera/…_camera.json`. A missing file is a missing
    label. The label files of the test split are entirely void and are not read. An additional label is
    `<folder>/<split>/<city>/…_<folder>.png`.

    Args:
        data_root: Root folder of the data.
        split: `'train'`, `'val'`, `'test'` or `'train_extra'`.
        label_space: Label space of the returned ids: `'cityscapes19'`, `'kitti6'`, `'cityscapes34'`, … (any space that
            `class_map` reaches from `'cityscapes34'`).
        depth: `'metres'`: the task `depth`, baseline · fx / disparity, which needs the camera files. `'disparity'`: the
            task `disparity` instead, a `DisparityMap` in pixels of the stored image; many papers train on it and call
            it depth. None: neither. The disparity was computed by semi-global matching and has holes.
        depth_range: (min, max) in metres; readings outside are invalid. Without it, the farthest reading is about
            120 km (a disparity of 1/256 pixel). Only for `depth='metres'`.
        metainfo: See `MultiTaskDataset`.
        **kwargs: See `MultiTaskDataset`.

    Raises:
        FileNotFoundError: Also if the camera files that convert disparity to metres are missing.
    """

    METAINFO = find_space("cityscapes19").metainfo
    HOW_TO_PREPARE = (
        "Prepare it with `mtl prepare cityscapes --root {data_root}`, which explains what to "
        "download from cityscapes-dataset.com (a login is needed)."
    )

    def __init__(
        self,
        data_root: str | Path,
        split: str = "train",
        label_space: str = "cityscapes19",
        depth: str | None = "metres",
        depth_range: Sequence[float] | None = None,
        metainfo: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ):
        if depth not in ("metres", "disparity", None):
            raise ValueError(f"Cityscapes: depth={depth!r} is unknown: use 'metres', 'disparity' or None.")
        if depth_range is not None and depth != "metres":
            raise ValueError(f"Cityscapes: depth_range={depth_range} is in metres, but depth={depth!r}.")
        self.label_space, self.depth, self.depth_range = label_space, depth, parse_depth_range(depth_range)
        super().__init__(data_root, split, metainfo=metainfo_of_space(label_space, metainfo), **kwargs)

    def default_labels(self) -> dict[str, LabelConfig]:
        ids = dict(num_classes=self.num_classes, class_map=(FILE_IDS, self.label_space))
        labels: dict[str, LabelConfig] = dict(semseg=dict(folder=LABEL_FOLDER, reader="classes", **ids))
        if self.depth == "metres":
            labels["depth"] = dict(folder=DISPARITY_FOLDER, reader=read_metres, depth_range=self.depth_range)
        elif self.depth == "disparity":
            labels["disparity"] = dict(folder=DISPARITY_FOLDER, reader=read_disparity)
        return labels

    def list_samples(self) -> list[SampleFiles]:
        source = self._source()
        samples = [
            sample
            for city in sorted(path for path in (source.iterdir() if source.is_dir() else ()) if path.is_dir())
            for sample in self._samples_of(city)
        ]
        if self.depth == "metres" and self._task("depth") in self.tasks:
            self._check_cameras(samples)
        return samples

    def camera_of(self, files: SampleFiles) -> tuple[float, ...] | None:
        camera = find_camera_file(files.img)
        return read_camera(camera).intrinsics if camera.is_file() else None

    def _samples_of(self, city: Path) -> Iterator[SampleFiles]:
        images = sorted(path for path in city.iterdir() if path.name.endswith(_IMAGE_ENDING))
        files = {task: self._label_files(task, label["folder"], city.name) for task, label in self.labels.items()}
        for image in images:
            prefix = image.name.removesuffix(_IMAGE_ENDING)
            yield SampleFiles(image, {task: found[prefix] for task, found in files.items() if prefix in found})

    def _label_files(self, task: str, folder: str, city: str) -> dict[str, Path]:
        """The files of one label in one city, by the prefix that they share with the image."""
        if task == "semseg" and self.split == "test":
            return {}
        ending = f"_{folder}{_LABEL_ENDING if task == 'semseg' else '.png'}"
        return {
            path.name.removesuffix(ending): path
            for path in (self.data_root / folder / self.split / city).glob(f"*{ending}")
        }

    def _check_cameras(self, samples: list[SampleFiles]) -> None:
        folders = {find_camera_file(sample.img).parent for sample in samples}
        existing = {path for folder in folders for path in folder.glob("*")}
        files = [find_camera_file(sample.img) for sample in samples if "depth" in sample.labels]
        missing = [path for path in files if path not in existing]
        if missing:
            raise FileNotFoundError(
                f"{self._name()}: {len(missing)} of {len(files)} disparity maps have no camera file, such as "
                f"{missing[0]}, which is needed to compute metres. Unpack camera_trainvaltest.zip "
                f"(cityscapes-dataset.com) into {self.data_root}, or set depth='disparity' or depth=None."
            )

    def _source(self) -> Path:
        return self.data_root / IMAGE_FOLDER / self.split
