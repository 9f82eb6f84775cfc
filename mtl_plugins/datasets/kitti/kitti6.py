from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PIL import Image
from torchvision import tv_tensors

from mtl_plugins.files import read_json
from mtl_plugins.label_spaces import label_space
from mtl_plugins.registry import DATASETS

from ..camera_file import CameraFile
from ..camera_values import parse_number
from ..data_error import DataError
from ..holdout_split import VAL_EVERY, holdout_split
from ..listed_dataset import INTRINSICS, ListedDataset
from ..multi_task_dataset import LabelConfig
from ..readers import parse_depth_range, read_classes, read_colours, read_depth
from ..sample_files import SampleFiles
from .official_data import DEPTH_SCALE

SPACE = "kitti6"
MARKER = f"{SPACE}.json"  # written by the preparation
IMAGE_FOLDER = "rgb"
_IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg")
#: How labels are distinguished from images if all files are in one folder, as in the authors' samples.
_LABEL_PREFIXES = dict(semseg="segm_gt_", depth="depth_gt_")


@DATASETS.register_module()
class KITTI6(ListedDataset):
    """KITTI with six classes: the annotations of Ladický et al. and Ros et al., as HydraNet's authors use them.

    Images are `rgb/*.png|jpg`, with the same stems `masks/*.png` and optionally `depth/*.png`. Alternatively all files
    are in one folder: `000099.png`, `segm_gt_000099.png`, `depth_gt_000099.png`. Masks are RGB images in the colours of
    the label space `kitti6`, with black for void, or have one channel of ids 0 … 5 with 255 for void.

    If there is any list file (see `ListedDataset`), `<split>.txt` defines the split. Otherwise every fifth image, in
    the order of the names, is held out. The result is always the same, but it is not the authors' split.

    Args:
        data_root: Root folder of the data.
        split: Name of a list. Without lists `'train'`, `'val'` or `'trainval'` (all images).
        depth_scale: Value of the 16-bit depth PNGs for one metre: 256 in KITTI's own files, 800 in the authors'. None:
            the scale that the dataset was prepared with (`kitti6.json`), or else 256.
        depth_range: (min, max) in metres; readings outside are invalid.
        val_every: Without lists, one in this many images is held out.
        **kwargs: See `ListedDataset` and `MultiTaskDataset`.
    """

    METAINFO = label_space(SPACE).metainfo
    HOW_TO_PREPARE = (
        "Prepare it as {data_root}/rgb, masks and optionally depth; `mtl prepare kitti6 --root {data_root}` checks it."
    )

    def __init__(
        self,
        data_root: str | Path,
        split: str = "train",
        depth_scale: float | None = None,
        depth_range: Sequence[float] | None = None,
        val_every: int = VAL_EVERY,
        **kwargs: Any,
    ):
        self.depth_scale = read_prepared_scale(Path(data_root)) if depth_scale is None else depth_scale
        self.depth_range, self.val_every = parse_depth_range(depth_range), val_every
        super().__init__(data_root, split, **kwargs)

    def default_labels(self) -> dict[str, LabelConfig]:
        depth = dict(reader=read_depth, scale=self.depth_scale, depth_range=self.depth_range)
        return dict(semseg=dict(folder="masks", reader=read_ids_or_colours), depth=dict(folder="depth", **depth))

    def list_samples(self) -> list[SampleFiles]:
        if self._source().exists() or self.ann_file or find_lists(self.data_root):
            return super().list_samples()
        cameras = self._read_cameras()
        return [self._sample(image, cameras) for image in holdout_split(self._images(), self.split, self.val_every)]

    @property
    def _is_flat(self) -> bool:
        return not (self.data_root / IMAGE_FOLDER).is_dir()

    def _images(self) -> list[Path]:
        folder = self.data_root if self._is_flat else self.data_root / IMAGE_FOLDER
        return sorted(
            path
            for path in folder.iterdir()
            if path.suffix.lower() in _IMAGE_SUFFIXES
            and not (self._is_flat and path.name.startswith(tuple(_LABEL_PREFIXES.values())))
        )

    def _sample(self, image: Path, cameras: CameraFile) -> SampleFiles:
        paths = {task: self._label_file(task, label, image.stem) for task, label in self.labels.items()}
        files = {task: path for task, path in paths.items() if path and path.is_file()}
        return SampleFiles(image, files, self._camera_of(image, cameras))

    def _label_file(self, task: str, label: LabelConfig, stem: str) -> Path | None:
        if self._is_flat and task in _LABEL_PREFIXES:
            return self.data_root / f"{_LABEL_PREFIXES[task]}{stem}.png"
        return self.data_root / label["folder"] / f"{stem}.png" if "folder" in label else None


def find_lists(folder: Path) -> list[Path]:
    """The list files in a folder; see `ListedDataset`."""
    texts = (path for path in folder.glob("*.txt") if path.name != INTRINSICS and path.is_file())
    return sorted(path for path in texts if b"\t" in path.read_bytes())


def read_prepared_scale(folder: Path) -> float:
    """The depth scale that the dataset was prepared with, or KITTI's own.

    Raises:
        DataError: The marker of the preparation is damaged.
    """
    marker = folder.expanduser() / MARKER
    content = read_json(marker) if marker.is_file() else {}
    try:
        scale = parse_number(content.get("depth_scale", DEPTH_SCALE))
    except ValueError as error:
        raise DataError(
            f"{marker}: depth_scale: {error}. Run `mtl prepare kitti6` again, or set depth_scale=…."
        ) from None
    if scale <= 0:
        raise DataError(f"{marker}: depth_scale must be positive, but is {scale:g}. Run `mtl prepare kitti6` again.")
    return scale


def read_ids_or_colours(path: Path) -> tv_tensors.Mask:
    """Read class ids, uint8 (1, H, W), 255 for void, from an image in KITTI-6's colours or with one channel of ids."""
    return read_colours(path, SPACE) if _is_coloured(path) else read_classes(path, len(label_space(SPACE).classes))


def _is_coloured(path: Path) -> bool:
    try:
        with Image.open(path) as image:  # reads only the header
            return len(image.getbands()) > 2
    except Exception:  # PIL raises errors of many types for damaged files
        return False  # the reader reports the problem
