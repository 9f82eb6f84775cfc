import json
from pathlib import Path

from PIL import Image, UnidentifiedImageError

from mtl_plugins.label_spaces import label_space
from mtl_plugins.registry import DATASETS

from ..colours import read_colours
from ..held_out import VAL_EVERY, held_out
from ..listed_dataset import ListedDataset
from ..multi_task_dataset import SampleFiles
from ..ranged_depth import checked_depth_range, read_ranged_depth
from ..readers import read_classes
from .raw_layout import DEPTH_SCALE

SPACE = "kitti6"
MARKER = f"{SPACE}.json"  # what preparation leaves
IMAGE_FOLDER = "rgb"
_IMAGE_ENDINGS = (".png", ".jpg", ".jpeg")
#: How labels are told from images where all lie in one folder, as in the authors' samples.
_BEGINNINGS = dict(semseg="segm_gt_", depth="depth_gt_")


@DATASETS.register_module()
class KITTI6(ListedDataset):
    """KITTI with six classes: the annotations of Ladický et al. and Ros et al., as HydraNet's authors use them.

    ``rgb/*.png|jpg``, under the same stems ``masks/*.png`` and, if there is depth, ``depth/*.png``; or all in one
    folder: ``000099.png``, ``segm_gt_000099.png``, ``depth_gt_000099.png``. Masks are pictures in the colours of
    ``label_space('kitti6')``, black is void; or, with one channel, ids: 0 … 5, 255 void.

    Which images belong to a split says ``<split>.txt``, see `ListedDataset`, as soon as there is any such list.
    Without lists every fifth image, in the order of the names, is held out: always the same ones, but not the
    authors' split.

    Args:
        split (str): the name of a list; without lists ``'train'``, ``'val'`` or ``'trainval'`` (all).
        depth_scale (float): what the uint16 PNGs count in a metre: KITTI's own 256, the authors' files 800. By default
            what the set was prepared with (``kitti6.json``), else 256.
        depth_range (tuple): (min, max) in metres; readings outside are void.
        val_every (int): without lists, one in so many images is held out.
        **kwargs: see `ListedDataset` and `MultiTaskDataset`.
    """

    METAINFO = label_space(SPACE).metainfo
    HOW_TO_PREPARE = (
        "Prepare it as {data_root}/rgb, masks and, if there is depth, depth; "
        "`python tools/prepare_dataset.py kitti6 --root {data_root}` checks it."
    )

    def __init__(self, data_root, split="train", depth_scale=None, depth_range=None, val_every=VAL_EVERY, **kwargs):
        self.depth_scale = prepared_scale(Path(data_root)) if depth_scale is None else depth_scale
        self.depth_range, self.val_every = checked_depth_range(depth_range), val_every
        super().__init__(data_root, split, **kwargs)

    def default_labels(self):
        depth = dict(reader=read_ranged_depth, scale=self.depth_scale, depth_range=self.depth_range)
        return dict(semseg=dict(folder="masks", reader=read_ids_or_colours), depth=dict(folder="depth", **depth))

    def list_samples(self):
        if self._source().is_file() or self.ann_file or lists_in(self.data_root):
            return super().list_samples()
        cameras = self._read_intrinsics()
        images = held_out(self._images(), self.split, self.val_every)
        return [
            self._sample(image, cameras.get(image.stem, cameras.get(image.name, self.intrinsics))) for image in images
        ]

    @property
    def _is_flat(self):
        return not (self.data_root / IMAGE_FOLDER).is_dir()

    def _images(self):
        folder = self.data_root if self._is_flat else self.data_root / IMAGE_FOLDER
        return sorted(
            path
            for path in folder.iterdir()
            if path.suffix.lower() in _IMAGE_ENDINGS
            and not (self._is_flat and path.name.startswith(tuple(_BEGINNINGS.values())))
        )

    def _sample(self, image, intrinsics):
        files = {task: self._label_file(task, label, image.stem) for task, label in self.labels.items()}
        return SampleFiles(image, {task: path for task, path in files.items() if path and path.is_file()}, intrinsics)

    def _label_file(self, task, label, stem):
        if self._is_flat and task in _BEGINNINGS:
            return self.data_root / f"{_BEGINNINGS[task]}{stem}.png"
        return self.data_root / label["folder"] / f"{stem}.png" if "folder" in label else None


def lists_in(folder: Path) -> list[Path]:
    """The list files of a folder, see `ListedDataset`."""
    return sorted(path for path in folder.glob("*.txt") if "\t" in path.read_text(encoding="utf-8", errors="replace"))


def prepared_scale(folder: Path) -> float:
    """What the depth files of a prepared set count in a metre."""
    try:
        return float(json.loads((folder.expanduser() / MARKER).read_text())["depth_scale"])
    except (OSError, ValueError, KeyError, TypeError):
        return DEPTH_SCALE  # not prepared, or without a word of it


def read_ids_or_colours(path):
    """Class ids, ``Mask`` uint8 (1, H, W), 255 void, of a picture in KITTI-6's colours or, with one channel, of ids."""
    return read_colours(path, SPACE) if _is_coloured(path) else read_classes(path, len(label_space(SPACE).classes))


def _is_coloured(path):
    try:
        with Image.open(path) as image:  # its header alone
            return len(image.getbands()) > 2
    except (UnidentifiedImageError, OSError):
        return False  # the reader will say what is wrong
