import torch

from mtl_plugins.functional.disparity import decode_disparity, disparity_to_depth
from mtl_plugins.label_spaces import label_space as find_space
from mtl_plugins.registry import DATASETS
from mtl_plugins.structures import Intrinsics
from mtl_plugins.structures.disparity_map import DisparityMap

from ..decode import decode_file
from ..errors import DataError
from ..multi_task_dataset import MultiTaskDataset, SampleFiles
from ..ranged_depth import checked_depth_range, in_range
from ..readers import unless_empty
from .camera import read_camera

#: The label space of ``*_labelIds.png``.
FILE_IDS = "cityscapes34"
IMAGES, DISPARITY, CAMERA = "leftImg8bit", "disparity", "camera"
IMAGE_ENDING, LABEL_ENDING, CAMERA_ENDING = f"_{IMAGES}.png", "_labelIds.png", f"_{CAMERA}.json"


@DATASETS.register_module()
class Cityscapes(MultiTaskDataset):
    """Cityscapes (Cordts et al., CVPR 2016) in its own folders.

    ``leftImg8bit/<split>/<city>/*_leftImg8bit.png``; under the same beginnings ``gtFine/…_gtFine_labelIds.png``,
    ``disparity/…_disparity.png`` and ``camera/…_camera.json``. What is not there is a missing label; the test split's
    label files are void all over, and are not read. A label of yours lies in a folder beside them as
    ``<folder>/<split>/<city>/…_<folder>.png``.

    Args:
        split (str): ``'train'``, ``'val'``, ``'test'``, ``'train_extra'``.
        label_space (str): what the ids become: ``'cityscapes19'``, ``'kitti6'``, ``'cityscapes34'``, … (any space that
            `class_map` leads to).
        depth (str): ``'metres'``: the task ``depth``, baseline · fx / disparity, which needs the camera files;
            ``'disparity'``: the task ``disparity`` instead, a `DisparityMap` in pixels of the stored image, as many
            papers train on it and call it depth; None: neither. Disparity was computed (SGM), so it has holes.
        depth_range (tuple): (min, max) in metres; readings outside are void. Without it the farthest reading is some
            120 km: a disparity of 1/256 pixel. For ``depth='metres'`` alone.
        **kwargs: see `MultiTaskDataset`.

    Raises:
        FileNotFoundError: also for disparity without the camera files that turn it into metres.
    """

    METAINFO = find_space("cityscapes19").metainfo
    HOW_TO_PREPARE = (
        "Prepare it with `python tools/prepare_dataset.py cityscapes --root {data_root}`, which says what to fetch "
        "from cityscapes-dataset.com (a login is needed)."
    )

    def __init__(
        self,
        data_root,
        split="train",
        label_space="cityscapes19",
        depth="metres",
        depth_range=None,
        metainfo=None,
        **kwargs,
    ):
        if depth not in ("metres", "disparity", None):
            raise ValueError(f"Cityscapes: depth={depth!r} is not known: 'metres', 'disparity', or None.")
        if depth_range is not None and depth != "metres":
            raise ValueError(f"Cityscapes: depth_range={depth_range} is in metres, but depth={depth!r}.")
        self.label_space, self.depth, self.depth_range = label_space, depth, checked_depth_range(depth_range)
        super().__init__(data_root, split, metainfo={**find_space(label_space).metainfo, **(metainfo or {})}, **kwargs)

    def default_labels(self):
        semseg = dict(
            folder="gtFine", reader="classes", num_classes=self.num_classes, class_map=(FILE_IDS, self.label_space)
        )
        depths = dict(
            metres=dict(depth=dict(folder=DISPARITY, reader=read_metres, depth_range=self.depth_range)),
            disparity=dict(disparity=dict(folder=DISPARITY, reader=read_disparity)),
        )
        return dict(semseg=semseg, **depths.get(self.depth, {}))

    def list_samples(self):
        source = self._source()
        samples = [
            sample
            for city in sorted(path for path in (source.iterdir() if source.is_dir() else ()) if path.is_dir())
            for sample in self._samples_of(city)
        ]
        if self.depth == "metres" and self._task("depth") in self.tasks:
            self._check_cameras(samples)
        return samples

    def read(self, index):
        sample, camera = super().read(index), camera_file(self.samples[index].img)
        if camera.is_file():
            size = sample["img"].shape[-2:]
            sample["intrinsics"] = Intrinsics(read_camera(camera).intrinsics, canvas_size=size)
        return sample

    def _samples_of(self, city):
        images = sorted(path for path in city.iterdir() if path.name.endswith(IMAGE_ENDING))
        files = {task: self._files_of(task, label["folder"], city.name) for task, label in self.labels.items()}
        for image in images:
            stem = image.name.removesuffix(IMAGE_ENDING)
            yield SampleFiles(image, {task: found[stem] for task, found in files.items() if stem in found})

    def _files_of(self, task, folder, city):
        """{beginning of the name: file} of one label in one city."""
        if task == "semseg" and self.split == "test":
            return {}
        ending = f"_{folder}{LABEL_ENDING if task == 'semseg' else '.png'}"
        return {
            path.name.removesuffix(ending): path
            for path in (self.data_root / folder / self.split / city).glob(f"*{ending}")
        }

    def _check_cameras(self, samples):
        there = {path for folder in {camera_file(sample.img).parent for sample in samples} for path in folder.glob("*")}
        files = [camera_file(sample.img) for sample in samples if "depth" in sample.labels]
        missing = [path for path in files if path not in there]
        if missing:
            raise FileNotFoundError(
                f"{self._name()}: {len(missing)} of {len(files)} disparity maps have no camera file, such as "
                f"{missing[0]}, and without it no metres. Unpack camera_trainvaltest.zip (cityscapes-dataset.com) into "
                f"{self.data_root}; or give depth='disparity' or depth=None."
            )

    def _source(self):
        return self.data_root / IMAGES / self.split


def camera_file(path):
    """The camera file that belongs to an image or a disparity map."""
    city, (kind, split) = path.parent, path.parts[-4:-2]
    return city.parents[2] / CAMERA / split / city.name / (path.name.removesuffix(f"_{kind}.png") + CAMERA_ENDING)


def read_disparity(path):
    """Disparity in pixels, ``DisparityMap`` float32 (1, H, W), 0 no reading; None if there is no reading at all."""
    raw = decode_file(path)
    if raw.shape[0] != 1 or raw.dtype != torch.uint16:
        raise DataError(
            f"{path} has {raw.shape[0]} channels of {raw.dtype}, but disparity is a 16-bit grey PNG: 256 · pixels + 1, "
            "0 for no reading."
        )
    return unless_empty(DisparityMap(decode_disparity(raw)), path, "no reading")


def read_metres(path, depth_range=None):
    """Depth, ``DepthMap`` float32 (1, H, W) in metres, of a disparity map and the camera file that belongs to it."""
    disparity = read_disparity(path)
    if disparity is None:
        return None
    camera = read_camera(camera_file(path))
    depth = disparity_to_depth(disparity.as_subclass(torch.Tensor), camera.baseline, camera.fx)
    return in_range(depth, depth_range, path)
