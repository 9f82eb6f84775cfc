import logging
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from mmengine.logging import print_log

from mtl_plugins.kinds.task_meta import meta_of_task, with_task_meta
from mtl_plugins.registry import DATASETS

from .multi_task_dataset import LabelConfig
from .nyudv2 import NYUDv2
from .sample_files import SampleFiles

#: Labels that the lists do not name: the file in the folder has the name of the image.
UNLISTED_LABELS: Mapping[str, LabelConfig] = dict(
    instances=dict(folder="instances", reader="instances"),
    edge=dict(folder="edge", reader="edges"),
    saliency=dict(folder="saliency", reader="image"),
)


@DATASETS.register_module()
class SynthRooms(NYUDv2):
    """Rendered rooms in the layout and with the classes of `NYUDv2`; each image has its own camera.

    `tasks` may also name `'instances'` (numbers of the objects, 0 for walls, floor and ceiling), `'edge'` (boundaries
    of classes, instances and surfaces) and `'saliency'` (the nearest object). Their files are found by the name of the
    image. Images without such a file have no such label.

    Args:
        data_root: Root folder of the data.
        split: Name of the list file without `.txt`.
        tasks: Labels to read; by default semseg, depth and normals.
        labels: See `MultiTaskDataset`.
        **kwargs: See `NYUDv2`, `ListedDataset` and `MultiTaskDataset`.
    """

    HOW_TO_PREPARE = "Prepare it with `mtl prepare synthrooms --out {data_root}`."
    depth_source = None  # there is only one kind of depth

    def __init__(
        self,
        data_root: str | Path,
        split: str = "train",
        tasks: Iterable[str] | None = None,
        labels: Mapping[str, LabelConfig | None] | None = None,
        **kwargs: Any,
    ):
        tasks, labels = None if tasks is None else tuple(tasks), dict(labels or {})
        self._unlisted = [task for task in tasks or () if task in UNLISTED_LABELS and labels.get(task, {}) is not None]
        labels |= {task: {**UNLISTED_LABELS[task], **(labels.get(task) or {})} for task in self._unlisted}
        super().__init__(data_root, split, tasks=tasks, labels=labels, **kwargs)

    @property
    def metainfo(self) -> dict[str, Any]:
        """As for all datasets. With instances, the classes of `semseg` are also those of the task `panoptic`."""
        meta = super().metainfo
        if "instances" not in self.tasks or meta_of_task("panoptic", meta):
            return meta
        return with_task_meta(meta, "panoptic", meta_of_task("semseg", meta))

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
