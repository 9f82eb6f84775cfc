import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torchvision import tv_tensors
from torchvision.transforms.v2 import functional as F

from mtl_plugins.functional import kb_crop_window, points_to_depth
from mtl_plugins.registry import DATASETS

from ..data_error import DataError
from ..label_space_option import metainfo_of_space
from ..multi_task_dataset import LabelConfig, MultiTaskDataset
from ..readers import limit_depth, parse_depth_range, read_depth
from ..sample_files import Sample, SampleFiles
from .calibration import CalibrationMissing, lidar_to_image, read_camera_intrinsics
from .frame import Frame, FrameFiles
from .frame_finder import SCAN_FOLDER, FrameFinder, annotated_frames
from .frame_index import NAME, KITTIIndex, find_index, frame_of, index_splits, read_cameras, read_index
from .frame_list import read_frame_list
from .laser_scan_reader import read_laser_scan
from .official_data import ANNOTATED_SPLITS, CAMERAS, DEPTH_SCALE

DEPTHS = dict(improved="improved", lidar="scan")  # {option: field of FrameFiles}
CROPS: dict[str, Callable] = dict(kb=kb_crop_window)
#: (date, camera)
CameraKey = tuple[str, int]


@DATASETS.register_module()
class KITTIDepth(MultiTaskDataset):
    """KITTI's raw images with depth: improved ground truth (Uhrig et al., 3DV 2017) or single laser scans.

    `data_root` is the output of `mtl prepare kitti-depth`: lists, cameras, and where the official folders are.
    Without it, the official folders are searched directly: `<raw_root>/<date>/<drive>_sync/image_0{2,3}/data` and
    `velodyne_points/data`; `<depth_root>/{train,val}/<drive>_sync/proj_depth/groundtruth/image_0{2,3}`. By default
    they are the folders `raw` and `depth` of `data_root`, or `data_root` itself. Drives that are missing from the raw
    data are left out.

    Each frame has the intrinsics of its camera from `<date>/calib_cam_to_cam.txt`.

    Args:
        data_root: See above.
        split: `'train'` or `'val'` of the improved ground truth, or the name of another list of the index, such as
            `'eigen_train'` or `'eigen_test'`.
        depth: `'improved'`, or `'lidar'`: the scan of the same moment, projected to the image when the sample is read.
            If several points fall into one pixel, the nearest counts.
        crop: `'kb'`: the bottom 352 rows and central 1216 columns of image, depth and camera. None: no crop.
        cameras: 2 (left colour camera), 3 (right), or both.
        depth_range: (min, max) in metres; readings outside are invalid.
        labelled_only: Whether to leave out frames without this depth (45 of the 697 frames of the Eigen test split
            have no improved depth). Has no effect if `tasks` excludes depth.
        need_intrinsics: Whether missing calibration files are an error. If not, these samples have no intrinsics.
        ann_file: A list of frames, absolute or relative to `data_root`, in the usual format of the Eigen split (a line
            is `2011_09_26/2011_09_26_drive_0002_sync 0000000069 l`).
        label_space: Classes that a network predicts for the frames, or that a teacher labels; KITTI has none here.
        raw_root: Folder of the raw data, if it differs from the index or from `data_root`.
        depth_root: Folder of the improved ground truth, likewise.
        metainfo: See `MultiTaskDataset`.
        **kwargs: See `MultiTaskDataset`.

    Raises:
        FileNotFoundError: Also for a missing calibration file; the message says where to download it.
        ValueError: An option is unknown.
    """

    HOW_TO_PREPARE = (
        "Prepare it with `mtl prepare kitti-depth --raw DIR --depth DIR --out {data_root}`, or for single laser scans "
        "without improved depth `mtl prepare kitti-depth --raw DIR --eigen-train FILE --eigen-test FILE --out "
        "{data_root}`."
    )

    index: KITTIIndex | None
    raw_root: Path
    depth_root: Path | None

    def __init__(
        self,
        data_root: str | Path,
        split: str = "train",
        depth: str = "improved",
        crop: str | None = None,
        cameras: Sequence[int] = CAMERAS,
        depth_range: Sequence[float] | None = None,
        labelled_only: bool = True,
        need_intrinsics: bool = True,
        ann_file: str | Path | None = None,
        label_space: str | None = None,
        raw_root: str | Path | None = None,
        depth_root: str | Path | None = None,
        metainfo: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ):
        for name, value, known in (("depth", depth, tuple(DEPTHS)), ("crop", crop, (None, *CROPS))):
            if value not in known:
                raise ValueError(f"KITTIDepth: {name}={value!r} is unknown: use {' or '.join(map(repr, known))}.")
        if not cameras or not set(cameras) <= set(CAMERAS):
            raise ValueError(
                f"KITTIDepth: cameras={cameras!r} must be one or both of {CAMERAS}, the left and right colour camera."
            )
        self.depth, self.crop, self.cameras = depth, crop, tuple(cameras)
        self.depth_range = parse_depth_range(depth_range)
        self.labelled_only, self.need_intrinsics, self.ann_file = labelled_only, need_intrinsics, ann_file
        self._given_roots = tuple(Path(root).expanduser() if root else None for root in (raw_root, depth_root))
        if label_space is not None:
            metainfo = metainfo_of_space(label_space, metainfo)
        super().__init__(data_root, split, metainfo=metainfo, **kwargs)

    @property
    def depth_source(self) -> str | None:
        return dict(improved="improved ground truth", lidar="single laser scans")[self.depth]

    def default_labels(self) -> dict[str, LabelConfig]:
        if self.depth == "lidar":
            return dict(depth=dict(reader=_read_later))
        return dict(depth=dict(reader=read_depth, scale=DEPTH_SCALE, depth_range=self.depth_range))

    def list_samples(self) -> list[SampleFiles]:
        self.index = find_index(self.data_root)
        self._set_roots()
        found = self._read_index() if self.index and not self.ann_file else self._search_folders()
        files = self._keep_labelled([frame for frame in found if frame_of(frame).camera in self.cameras])
        cameras = {_camera_key(frame) for frame in files}
        self.projections = self._read_projections(cameras) if self.depth == "lidar" else {}
        intrinsics = self._read_intrinsics(cameras)
        return [self._sample(frame, intrinsics) for frame in files]

    def read(self, index: int) -> Sample:
        sample = super().read(index)
        if self.depth == "lidar":
            self._add_scan(sample, self.samples[index])
        return sample if self.crop is None else self._crop(sample, CROPS[self.crop])

    # Which frames exist

    def _set_roots(self) -> None:
        raw, depth = self.index or (_subfolder(self.data_root, "raw"), _subfolder(self.data_root, "depth"))
        given_raw, given_depth = self._given_roots
        self.raw_root, self.depth_root = given_raw or raw, given_depth or depth
        for root, option in ((self.raw_root, "raw_root"), (self.depth_root, "depth_root")):
            if root is not None and not root.is_dir():
                raise FileNotFoundError(
                    f"{self._name()}: the folder {root} does not exist. If the data was moved, set {option}=…"
                )

    def _read_index(self) -> Iterable[FrameFiles]:
        path = self._source()
        if not path.is_file():
            known = ", ".join(index_splits(self.data_root))
            raise FileNotFoundError(f"{self._name()}: the list {path} does not exist; existing splits: {known}.")
        return read_index(path)

    def _search_folders(self) -> list[FrameFiles]:
        """The frames of the list file, or of the official split, in KITTI's own folders."""
        frames = self._wanted_frames()
        finder = FrameFinder(self.raw_root, self.depth_root)
        existing = [frame for frame in frames if finder.has_drive(frame)]
        if len(existing) < len(frames):
            missing = sorted({finder.missing_folder(frame) for frame in frames if not finder.has_drive(frame)})
            shown = ", ".join(missing[:3]) + (" …" if len(missing) > 3 else "")
            message = (
                f"{self._name()}: {len(frames) - len(existing)} of {len(frames)} frames in {self._source()} belong to "
                f"drives or cameras without images in {self.raw_root} ({shown})"
            )
            if not existing:
                raise FileNotFoundError(f"{message}. Set the folder of the raw data with raw_root=…")
            warnings.warn(f"{message}: they are left out.", stacklevel=2)
        return [finder.files(frame) for frame in existing]

    def _wanted_frames(self) -> list[Frame]:
        if self.ann_file:
            return list(read_frame_list(self._source()))
        if self.split in ANNOTATED_SPLITS and self.depth_root is not None:
            return list(annotated_frames(self.depth_root, self.split, self.cameras))
        raise ValueError(
            f"{self._name()}: the official splits are {', '.join(ANNOTATED_SPLITS)}; another split needs a list of "
            "frames: ann_file=FILE, or `mtl prepare kitti-depth … --eigen-test`."
        )

    def _keep_labelled(self, files: list[FrameFiles]) -> list[FrameFiles]:
        if not self.labelled_only or self._depth_task not in self.tasks:
            return files
        labelled = [frame for frame in files if getattr(frame, DEPTHS[self.depth])]
        if files and not labelled:
            raise DataError(
                f"{self._name()}: none of {len(files)} frames has {self.depth} depth. {self._advise(files)}"
            )
        return labelled

    def _advise(self, files: Sequence[FrameFiles]) -> str:
        """What to do if no frame has this depth."""
        if self.depth == "lidar":
            place = f"Laser scans are expected in {self.raw_root}/{frame_of(files[0]).folder}/{SCAN_FOLDER}."
        else:
            place = f"It is expected in {self.depth_root}." if self.depth_root else "It was not prepared (`--depth`)."
        again = " Add them and run `mtl prepare kitti-depth …` again." if self.index else ""
        other = next((name for name in DEPTHS if name != self.depth), "")
        count = sum(getattr(frame, DEPTHS[other]) is not None for frame in files)
        switch = f"; {count} have depth={other!r}" if count else ""
        return f"{place}{again} To read only images, set labelled_only=False{switch}."

    # Cameras

    def _read_intrinsics(self, cameras: set[CameraKey]) -> dict[CameraKey, tuple[float, ...] | None]:
        known = read_cameras(self.data_root) if self.index else {}
        found: dict[CameraKey, tuple[float, ...] | None] = {}
        for date, camera in sorted(cameras):
            try:
                found[date, camera] = known.get((date, camera)) or read_camera_intrinsics(self.raw_root, date, camera)
            except CalibrationMissing as error:
                if self.need_intrinsics:
                    raise CalibrationMissing(
                        f"{self._name()}: {error} Without it the camera's intrinsics are unknown; if you do not need "
                        "them, set need_intrinsics=False."
                    ) from None
                found[date, camera] = None
        return found

    def _read_projections(self, cameras: set[CameraKey]) -> dict[CameraKey, torch.Tensor]:
        try:
            return {(date, camera): lidar_to_image(self.raw_root, date, camera) for date, camera in sorted(cameras)}
        except CalibrationMissing as error:
            raise CalibrationMissing(
                f"{self._name()}: {error} It is needed to project laser scans; depth='improved' works without it."
            ) from None

    # Samples

    def _sample(self, frame: FrameFiles, intrinsics: Mapping[CameraKey, tuple[float, ...] | None]) -> SampleFiles:
        root, label = (self.depth_root, frame.improved) if self.depth == "improved" else (self.raw_root, frame.scan)
        labels = {} if root is None or label is None else dict(depth=root / label)
        return SampleFiles(self.raw_root / frame.img, labels, intrinsics[_camera_key(frame)])

    def _add_scan(self, sample: Sample, files: SampleFiles) -> None:
        """Add the depth of the frame's laser scan, whose projection depends on the camera and the image size."""
        path = files.labels.get(self._depth_task)
        if path is None:
            return
        image = files.img.relative_to(self.raw_root).as_posix()
        projection = self.projections[_camera_key(FrameFiles(image, None, None))]
        readings = points_to_depth(read_laser_scan(path), projection, sample["img"].shape[-2:])
        depth = limit_depth(readings, self.depth_range, path)
        if depth is not None:
            sample[self._depth_task] = depth
            sample["meta"]["label_paths"][self._depth_task] = str(path)

    def _crop(self, sample: Sample, crop_window: Callable) -> Sample:
        try:
            window = crop_window(*sample["img"].shape[-2:])
        except ValueError as error:
            raise DataError(f"{self._name()}: {sample['meta']['img_path']}: {error}. Set crop=None.") from None
        sample = {
            key: F.crop(value, *window) if isinstance(value, tv_tensors.TVTensor) else value
            for key, value in sample.items()
        }
        if self._depth_task in sample and not sample[self._depth_task].any():  # the crop has no reading
            del sample[self._depth_task], sample["meta"]["label_paths"][self._depth_task]
        return sample

    @property
    def _depth_task(self) -> str:
        return self._task("depth")

    def _is_prepared(self, folder: Path) -> bool:
        return (folder / f"{NAME}.json").is_file()

    def _source(self) -> Path:
        if self.ann_file:
            return self.data_root / self.ann_file
        if self.index or self.depth_root is None:
            return self.data_root / f"{self.split}.txt"
        return self.depth_root / self.split


def _camera_key(files: FrameFiles) -> CameraKey:
    frame = frame_of(files)
    return frame.date, frame.camera


def _read_later(path: Path) -> None:
    """A placeholder that reads no label; `KITTIDepth.read` adds it."""


def _subfolder(data_root: Path, name: str) -> Path:
    return data_root / name if (data_root / name).is_dir() else data_root
