import re
from pathlib import Path
from typing import Any

from mtl_plugins.files import read_lines, shorten
from mtl_plugins.registry import DATASETS
from mtl_plugins.structures import Intrinsics

from .block_split import block_split
from .camera_values import Camera, parse_camera
from .data_error import DataError
from .multi_task_dataset import LabelConfig, MultiTaskDataset
from .normals_from_depth import turn_depth_into_normals
from .sample_files import Sample, SampleFiles

#: The depth camera of 7-Scenes (fx, fy, cx, cy), from the dataset's page.
CAMERA: Camera = (585.0, 585.0, 320.0, 240.0)
#: Height and width of its images.
SIZE = (480, 640)
#: Value of the 16-bit depth PNGs for one metre.
DEPTH_SCALE = 1000.0
#: Metres; 65535 in a file means no reading.
DEPTH_RANGE = (0.0, 65.0)
#: The lists of the sequences of an official scene.
SPLIT_LISTS = dict(train="TrainSplit.txt", val="TestSplit.txt", test="TestSplit.txt")
_IMAGE_ENDINGS = (".color.png", ".color.jpg")


@DATASETS.register_module()
class SevenScenes(MultiTaskDataset):
    """A scene of 7-Scenes (Shotton et al., CVPR 2013): Kinect frames of one room, with depth and its normals.

    Frames are `frame-XXXXXX.color.png|jpg` with `frame-XXXXXX.depth.png` (millimetres; 0 and 65535 mean no reading).
    Normals are computed from the depth with `depth_to_normals`. Poses are not read. An additional label is
    `frame-XXXXXX.<task>.png`.

    An official scene has folders `seq-01`, `seq-02`, … and the lists `TrainSplit.txt` and `TestSplit.txt`. A single
    folder of frames has no lists: `block_split` holds out contiguous blocks of the recording. In both cases, training
    and validation show the same room, so the scores say nothing about other rooms.

    The depth is that of the Kinect's infrared camera. It is aligned with the colour image only to a few pixels.

    Args:
        data_root: Folder of the scene.
        split: `'train'`, `'val'` (official scenes: the sequences of `TestSplit.txt`), or, without lists, `'trainval'`.
        intrinsics: fx, fy, cx, cy of all images. None: `CAMERA` for images of 480×640; other images have no normals.
        **kwargs: See `MultiTaskDataset`.

    Raises:
        FileNotFoundError: A list or a sequence is missing.
        DataError: A line of a list names no sequence.
    """

    HOW_TO_PREPARE = "Prepare it with `mtl prepare seven-scenes --root {data_root}`, which explains what to download."

    def __init__(self, data_root: str | Path, split: str = "train", intrinsics: Camera | None = None, **kwargs: Any):
        try:
            self.intrinsics = None if intrinsics is None else parse_camera(intrinsics)
        except (TypeError, ValueError) as error:
            raise ValueError(f"SevenScenes: intrinsics={intrinsics!r}: {error}.") from None
        super().__init__(data_root, split, **kwargs)

    def default_labels(self) -> dict[str, LabelConfig]:
        depth = dict(reader="depth", scale=DEPTH_SCALE, depth_range=DEPTH_RANGE)
        return dict(depth=depth, normals=dict(depth))  # `read` turns the second depth map into normals

    def list_samples(self) -> list[SampleFiles]:
        if any(self.data_root.glob("seq-*")):
            images = [image for folder in self._sequences() for image in _images(folder)]
        else:
            images = block_split(_images(self.data_root), self.split)
        return [SampleFiles(image, self._labels_of(image), self.intrinsics) for image in images]

    def read(self, index: int) -> Sample:
        sample, task = super().read(index), self._task("normals")
        size = tuple(sample["img"].shape[-2:])
        if "intrinsics" not in sample and size == SIZE:
            sample["intrinsics"] = Intrinsics(CAMERA, canvas_size=size)
        if task in sample:
            if "intrinsics" not in sample:
                raise DataError(
                    f"{self._name()}: {sample['meta']['img_path']} is {size[0]}×{size[1]}, but the camera is known "
                    f"only for {SIZE[0]}×{SIZE[1]} pixels. Set intrinsics=(fx, fy, cx, cy), or "
                    "labels=dict(normals=None)."
                )
            turn_depth_into_normals(sample, task)
        return sample

    def _labels_of(self, image: Path) -> dict[str, Path]:
        frame = image.name.removesuffix(_ending(image))
        files = {task: image.with_name(f"{frame}.{'depth' if task == 'normals' else task}.png") for task in self.labels}
        return {task: path for task, path in files.items() if path.is_file()}

    def _sequences(self) -> list[Path]:
        if self.split not in SPLIT_LISTS:
            raise ValueError(f"{self._name()}: the splits of an official scene are {', '.join(SPLIT_LISTS)}.")
        path = self._source()
        if not path.is_file():
            raise FileNotFoundError(
                f"{self._name()}: {path} does not exist. A scene with folders seq-01, seq-02, … needs it; a folder of "
                f"frames needs no list. {self._how_to_get()}"
            )
        folders = []
        for line in read_lines(path):
            number = re.search(r"\d+", line.text)
            if number is None:
                raise DataError(f"{line.place}: {shorten(line.text)} is not a sequence such as sequence1.")
            folders.append(self.data_root / f"seq-{int(number[0]):02d}")
            if not folders[-1].is_dir():
                raise FileNotFoundError(f"{line.place}: {folders[-1]} does not exist. Unpack {folders[-1].name}.zip.")
        return folders

    def _source(self) -> Path:
        official = any(self.data_root.glob("seq-*"))
        return self.data_root / SPLIT_LISTS[self.split] if official else self.data_root


def _images(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.name.startswith("frame-") and _ending(path))


def _ending(path: Path) -> str:
    return next((ending for ending in _IMAGE_ENDINGS if path.name.endswith(ending)), "")
