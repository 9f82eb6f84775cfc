from pathlib import Path

import torch

from mtl_plugins.functional.depth_to_normals import depth_to_normals
from mtl_plugins.label_spaces import label_space as find_space
from mtl_plugins.registry import DATASETS
from mtl_plugins.structures import Intrinsics, NormalMap

from .errors import DataError
from .listed_dataset import ListedDataset
from .readers import unless_empty
from .relabelled import relabelled

#: The colour camera of NYUDv2 (fx, fy, cx, cy), from `camera_params.m` of the dataset's toolbox.
KINECT_INTRINSICS = (518.85790117, 519.46961112, 325.58244941, 253.73616634)

#: Height and width of its images.
KINECT_SIZE = (480, 640)

#: What the authors' 16-bit depth PNG counts in a metre.
DEPTH_SCALE = 5000.0

#: The label space of the masks.
MASK_IDS = "nyud40"

#: Where the sensor's depth lies, and the same with its holes filled in; lists name the first.
DEPTH_FOLDERS = dict(raw="depth", filled="depth_filled")


@DATASETS.register_module()
class NYUDv2(ListedDataset):
    """NYUDv2, or any data in its layout: see `ListedDataset`; the labels' order is semseg, depth, normals.

    Images of 480×640 whose camera nothing tells have `KINECT_INTRINSICS`.

    Args:
        label_space (str): what the masks' ids become: ``'nyud13'``, or any other space that `class_map` reaches from
            ``'nyud40'``; classes and palette follow. The masks on the disk stay those of ``'nyud40'``.
        depth (str): ``'raw'``: what the sensor read; ``'filled'``: with its holes filled in, from the folder
            ``depth_filled`` beside ``depth``, under the same names.
        normals (str): ``'files'``, or ``'depth'``: computed from the depth map as it is read (`depth_to_normals`).
        depth_scale (float): what the 16-bit depth PNG counts in a metre.
        **kwargs: see `ListedDataset` and `MultiTaskDataset`.
    """

    METAINFO = find_space(MASK_IDS).metainfo
    KNOWN_FOLDERS = dict.fromkeys(DEPTH_FOLDERS.values(), "depth")
    HOW_TO_PREPARE = (
        "Prepare it with `python tools/prepare_dataset.py nyud --out {data_root}`, which says what to fetch; or lay "
        "out data of yours the same way (see help(NYUDv2))."
    )

    def __init__(
        self,
        data_root,
        split="train",
        depth_scale=DEPTH_SCALE,
        label_space=MASK_IDS,
        depth="raw",
        normals="files",
        metainfo=None,
        **kwargs,
    ):
        for name, value, known in (("depth", depth, tuple(DEPTH_FOLDERS)), ("normals", normals, ("files", "depth"))):
            if value not in known:
                raise ValueError(f"{type(self).__name__}: {name}={value!r} is not known: {' or '.join(known)}.")
        self.depth_scale = depth_scale
        self.depth, self.normals = depth, normals
        self.class_map, metainfo = relabelled(MASK_IDS, label_space, metainfo)
        super().__init__(data_root, split, metainfo=metainfo, **kwargs)

    @property
    def depth_source(self):
        return dict(raw="raw depth", filled="in-painted depth")[self.depth]

    def default_labels(self):
        depth = dict(reader="depth", scale=self.depth_scale)
        return dict(
            semseg=dict(folder="masks", reader="classes", num_classes=self.num_classes, class_map=self.class_map),
            depth=dict(folder=DEPTH_FOLDERS[self.depth], **depth),
            # normals of depth are made of the depth map by `read`
            normals=dict(folder="normals", **(depth if self.normals == "depth" else dict(reader="normals"))),
        )

    def read(self, index):
        sample, task = super().read(index), self._task("normals")
        size = tuple(sample["img"].shape[-2:])
        if "intrinsics" not in sample and size == KINECT_SIZE:
            sample["intrinsics"] = Intrinsics(KINECT_INTRINSICS, canvas_size=size)
        if self.normals == "depth" and task in sample:
            path = sample["meta"]["label_paths"][task]
            if "intrinsics" not in sample:
                raise DataError(
                    f"{self._name()}: normals='depth' needs the camera of {path}: name it in "
                    f"{self.data_root / 'intrinsics.txt'} (name fx fy cx cy), or give intrinsics=(fx, fy, cx, cy)."
                )
            depth, camera = (sample[key].as_subclass(torch.Tensor) for key in (task, "intrinsics"))
            sample[task] = unless_empty(NormalMap(depth_to_normals(depth, camera)), path, "no normal in its depth")
            if sample[task] is None:
                del sample[task], sample["meta"]["label_paths"][task]
        return sample

    def adjusted(self, files, place):
        if self.depth == "filled" and "depth" in files:
            files["depth"] = self._filled(files["depth"], place)
        if self.normals == "depth":
            files.pop("normals", None)
            files |= {"normals": files["depth"]} if "depth" in files else {}
        return files

    def _filled(self, path, place):
        at = max((i for i, part in enumerate(path.parts[:-1]) if part in DEPTH_FOLDERS.values()), default=None)
        if at is None:
            raise DataError(
                f"{place}: depth='filled' is read from the folder {DEPTH_FOLDERS['filled']} beside "
                f"{DEPTH_FOLDERS['raw']}, but this line has {path}."
            )
        return Path(*path.parts[:at], DEPTH_FOLDERS["filled"], *path.parts[at + 1 :])
