import logging
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from mmengine.logging import print_log

from mtl_plugins.label_spaces import label_space as find_space
from mtl_plugins.registry import DATASETS
from mtl_plugins.structures import Intrinsics

from .data_error import DataError
from .label_space_option import remap_classes
from .listed_dataset import ListedDataset
from .multi_task_dataset import LabelConfig
from .normals_from_depth import turn_depth_into_normals
from .sample_files import Sample, SampleFiles

#: The colour camera of NYUDv2 (fx, fy, cx, cy), from `camera_params.m` of the dataset's toolbox.
KINECT_INTRINSICS = (518.85790117, 519.46961112, 325.58244941, 253.73616634)

#: Height and width of its images.
KINECT_SIZE = (480, 640)

#: Value of the authors' 16-bit depth PNGs for one metre.
DEPTH_SCALE = 5000.0

#: The label space of the masks.
MASK_IDS = "nyud40"

#: Folders of the sensor's depth and of the same depth with holes filled in. The lists name the first one.
DEPTH_FOLDERS = dict(raw="depth", filled="depth_filled")


@DATASETS.register_module()
class NYUDv2(ListedDataset):
    """NYUDv2 (Silberman et al., ECCV 2012), or any data in its layout; the labels are semseg, depth and normals.

    The layout is that of `ListedDataset`. Images of 480×640 without an entry in `intrinsics.txt` get
    `KINECT_INTRINSICS`.

    `tasks` may also name `'edge'`: borders of classes and instances, in files `edge/*.png` of the image's name, which
    the lists do not contain. Images without such a file have no such label.

    Args:
        data_root: Root folder of the data.
        split: Name of the list file without `.txt`.
        depth_scale: Value of the 16-bit depth PNGs for one metre.
        label_space: Label space of the returned ids: `'nyud13'`, or any other space that `class_map` reaches from
            `'nyud40'`. Classes and palette follow it. The stored masks always have ids of `'nyud40'`.
        depth: `'raw'`: the sensor's readings. `'filled'`: with holes filled in, from the folder `depth_filled` next to
            `depth`, under the same file names.
        tasks: Labels to read; by default semseg, depth and normals.
        labels: See `MultiTaskDataset`.
        normals: `'files'`, or `'depth'`: computed from the depth map with `depth_to_normals`.
        metainfo: See `MultiTaskDataset`.
        **kwargs: See `ListedDataset` and `MultiTaskDataset`.
    """

    METAINFO = find_space(MASK_IDS).metainfo
    #: Labels that the lists do not name: the file in the folder has the name of the image
    UNLISTED_LABELS: Mapping[str, LabelConfig] = dict(edge=dict(folder="edge", reader="edges"))
    KNOWN_FOLDERS = dict.fromkeys(DEPTH_FOLDERS.values(), "depth")
    HOW_TO_PREPARE = (
        "Prepare it with `mtl prepare nyud --out {data_root}`, which explains what to download; or "
        "arrange your own data in the same layout (see help(NYUDv2))."
    )

    def __init__(
        self,
        data_root: str | Path,
        split: str = "train",
        depth_scale: float = DEPTH_SCALE,
        label_space: str = MASK_IDS,
        depth: str = "raw",
        normals: str = "files",
        tasks: Iterable[str] | None = None,
        labels: Mapping[str, LabelConfig | None] | None = None,
        metainfo: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ):
        for name, value, known in (("depth", depth, tuple(DEPTH_FOLDERS)), ("normals", normals, ("files", "depth"))):
            if value not in known:
                raise ValueError(f"{type(self).__name__}: {name}={value!r} is unknown: use {' or '.join(known)}.")
        self.depth_scale = depth_scale
        self.depth, self.normals = depth, normals
        self.class_map, metainfo = remap_classes(MASK_IDS, label_space, metainfo)
        tasks, labels, unlisted = None if tasks is None else tuple(tasks), dict(labels or {}), self.UNLISTED_LABELS
        self._unlisted = [task for task in tasks or () if task in unlisted and labels.get(task, {}) is not None]
        labels |= {task: {**unlisted[task], **(labels.get(task) or {})} for task in self._unlisted}
        super().__init__(data_root, split, tasks=tasks, labels=labels, metainfo=metainfo, **kwargs)

    @property
    def depth_source(self) -> str | None:
        return dict(raw="raw depth", filled="in-painted depth")[self.depth]

    def default_labels(self) -> dict[str, LabelConfig]:
        depth = dict(reader="depth", scale=self.depth_scale)
        return dict(
            semseg=dict(folder="masks", reader="classes", num_classes=self.num_classes, class_map=self.class_map),
            depth=dict(folder=DEPTH_FOLDERS[self.depth], **depth),
            # with normals='depth', `read` turns this depth map into normals
            normals=dict(folder="normals", **(depth if self.normals == "depth" else dict(reader="normals"))),
        )

    def list_samples(self) -> list[SampleFiles]:
        samples = super().list_samples()
        for task in self._unlisted:
            folder = self.data_root / self.labels[task]["folder"]
            names = set(os.listdir(folder)) if folder.is_dir() else set()
            samples = [
                sample._replace(labels={task: folder / sample.img.name, **sample.labels})
                if sample.img.name in names
                else sample
                for sample in samples
            ]
            if not any(task in sample.labels for sample in samples):
                print_log(
                    f"{self._name()}: no image has a label {task}; its files would be in {folder}. "
                    f"{self.HOW_TO_PREPARE.format(data_root=self.data_root)} It adds the missing files to a folder of "
                    "an older version.",
                    "current",
                    logging.WARNING,
                )
        return samples

    def read(self, index: int) -> Sample:
        sample, task = super().read(index), self._task("normals")
        size = tuple(sample["img"].shape[-2:])
        if "intrinsics" not in sample and size == KINECT_SIZE:
            sample["intrinsics"] = Intrinsics(KINECT_INTRINSICS, canvas_size=size)
        if self.normals == "depth" and task in sample:
            path = sample["meta"]["label_paths"][task]
            if "intrinsics" not in sample:
                raise DataError(
                    f"{self._name()}: normals='depth' needs the camera of {path}: add a line `name fx fy cx cy` to "
                    f"{self.data_root / 'intrinsics.txt'}, or set intrinsics=(fx, fy, cx, cy)."
                )
            turn_depth_into_normals(sample, task)
        return sample

    def adjust_files(self, files: dict[str, Path], place: str) -> dict[str, Path]:
        if self.depth == "filled" and "depth" in files:
            files["depth"] = self._filled_depth(files["depth"], place)
        if self.normals == "depth":
            files.pop("normals", None)
            files |= {"normals": files["depth"]} if "depth" in files else {}
        return files

    def _filled_depth(self, path: Path, place: str) -> Path:
        at = max((i for i, part in enumerate(path.parts[:-1]) if part in DEPTH_FOLDERS.values()), default=None)
        if at is None:
            raise DataError(
                f"{place}: depth='filled' is read from the folder {DEPTH_FOLDERS['filled']} next to "
                f"{DEPTH_FOLDERS['raw']}, but this line has {path}."
            )
        return Path(*path.parts[:at], DEPTH_FOLDERS["filled"], *path.parts[at + 1 :])
