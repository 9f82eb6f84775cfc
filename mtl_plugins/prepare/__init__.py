"""Dataset preparation: from the official downloads to what the classes in `mtl_plugins.datasets` read.

Each dataset has a module with `prepare_<dataset>` and the options of its command. Datasets that are read in their
official layout are only checked (`check_dataset.py`).
"""

from .camvid import prepare_camvid
from .cityscapes import prepare_cityscapes
from .idd_lite import prepare_iddlite
from .kitti6 import prepare_kitti6
from .kitti_depth import prepare_kitti_depth
from .kitti_semantic import prepare_kitti_semantic
from .nyud import prepare_nyud
from .seven_scenes import prepare_seven_scenes

__all__ = [
    "prepare_camvid",
    "prepare_cityscapes",
    "prepare_iddlite",
    "prepare_kitti6",
    "prepare_kitti_depth",
    "prepare_kitti_semantic",
    "prepare_nyud",
    "prepare_seven_scenes",
]
