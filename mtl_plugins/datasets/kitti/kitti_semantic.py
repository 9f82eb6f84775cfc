from mtl_plugins.label_spaces import label_space as find_space
from mtl_plugins.registry import DATASETS

from ..held_out import VAL_EVERY, held_out
from ..multi_task_dataset import MultiTaskDataset, SampleFiles
from .calibration import read_intrinsics

#: The label space of the files, KITTI's of 2018 and Cityscapes' alike.
CITYSCAPES_IDS = "cityscapes34"
LEFT_CAMERA = 2


@DATASETS.register_module()
class KITTISemantic(MultiTaskDataset):
    """KITTI's semantic benchmark of 2018: ``training/image_2/%06d_10.png``, ``training/semantic``, Cityscapes' ids.

    The benchmark has 200 images with labels and no validation split: every fifth image, in the order of the names, is
    held out here, always the same ones (000004_10, 000009_10, …). Scores on them are this project's own, not the
    benchmark's.

    The images are those of the stereo benchmark of 2015: where its calibration (``data_scene_flow_calib.zip``) lies
    beside them as ``training/calib_cam_to_cam/%06d.txt``, they have intrinsics.

    Args:
        split (str): ``'train'``, ``'val'``, ``'trainval'`` (all with labels), or ``'test'``: the images of
            ``testing/image_2``, which have no labels.
        label_space (str): what the ids become: ``'cityscapes19'``, ``'kitti6'``, ``'cityscapes34'``, … (any space that
            `class_map` leads to).
        val_every (int): one in so many images is held out.
        **kwargs: see `MultiTaskDataset`.
    """

    METAINFO = find_space("cityscapes19").metainfo
    HOW_TO_PREPARE = (
        "Prepare it with `python tools/prepare_dataset.py kitti-semantic --root {data_root} --download`, or unpack "
        "data_semantics.zip there."
    )

    def __init__(
        self, data_root, split="train", label_space="cityscapes19", val_every=VAL_EVERY, metainfo=None, **kwargs
    ):
        self.label_space, self.val_every = label_space, val_every
        super().__init__(data_root, split, metainfo={**find_space(label_space).metainfo, **(metainfo or {})}, **kwargs)

    def default_labels(self):
        semseg = dict(
            folder="semantic",
            reader="classes",
            num_classes=self.num_classes,
            class_map=(CITYSCAPES_IDS, self.label_space),
        )
        return dict(semseg=semseg)

    def list_samples(self):
        images = sorted(self._source().glob("*_10.png"))
        return [self._sample(image) for image in (images if self._is_test else self._held_out(images))]

    def _held_out(self, images):
        try:
            return held_out(images, self.split, self.val_every)
        except ValueError as error:
            raise ValueError(
                f"{self._name()}: {error} The benchmark's images without labels are split='test'."
            ) from None

    def _sample(self, image):
        folder = image.parents[1]
        labels = {} if self._is_test else {task: folder / label["folder"] for task, label in self.labels.items()}
        files = {task: path / image.name for task, path in labels.items() if (path / image.name).is_file()}
        calibration = folder / "calib_cam_to_cam" / f"{image.name[:6]}.txt"
        return SampleFiles(image, files, read_intrinsics(calibration, LEFT_CAMERA) if calibration.is_file() else None)

    @property
    def _is_test(self):
        return self.split == "test"

    def _source(self):
        return self.data_root / ("testing" if self._is_test else "training") / "image_2"
