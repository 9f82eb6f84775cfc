from typing import Any

from mtl_plugins.kinds.task_meta import meta_of_task, with_task_meta
from mtl_plugins.registry import DATASETS

from .nyudv2 import NYUDv2


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

    UNLISTED_LABELS = dict(
        NYUDv2.UNLISTED_LABELS,
        instances=dict(folder="instances", reader="instances"),
        saliency=dict(folder="saliency", reader="image"),
    )
    HOW_TO_PREPARE = "Prepare it with `mtl prepare synthrooms --out {data_root}`."
    depth_source = None  # there is only one kind of depth

    @property
    def metainfo(self) -> dict[str, Any]:
        """As for all datasets. With instances, the classes of `semseg` are also those of the task `panoptic`."""
        meta = super().metainfo
        if "instances" not in self.tasks or meta_of_task("panoptic", meta):
            return meta
        return with_task_meta(meta, "panoptic", meta_of_task("semseg", meta))
