import warnings
from pathlib import Path

from torchvision import tv_tensors
from torchvision.transforms.v2 import functional as F

from mtl_plugins.functional.kb_crop import kb_crop_window
from mtl_plugins.functional.lidar import points_to_depth
from mtl_plugins.label_spaces import label_space as find_space
from mtl_plugins.registry import DATASETS

from ..errors import DataError
from ..multi_task_dataset import MultiTaskDataset, SampleFiles
from ..ranged_depth import checked_depth_range, in_range, read_ranged_depth
from .calibration import CalibrationMissing, intrinsics_of, projection_of
from .frame_index import find_index, frame_of, read_cameras, read_index, splits_of
from .laser_scan import read_scan
from .raw_layout import (
    ANNOTATED_SPLITS,
    CAMERAS,
    DEPTH_SCALE,
    FrameFiles,
    FrameFinder,
    annotated_frames,
    listed_frames,
)

DEPTHS = dict(improved="improved", lidar="scan")  # {option: where it is in FrameFiles}
CROPS = dict(kb=kb_crop_window)


@DATASETS.register_module()
class KITTIDepth(MultiTaskDataset):
    """KITTI's raw images with depth: of the improved ground truth (Uhrig et al., 3DV 2017) or of single laser scans.

    ``data_root`` is what ``prepare_dataset.py kitti-depth`` made: lists, cameras, and where the official folders lie.
    Without it the official folders are searched themselves: ``<raw_root>/<date>/<drive>_sync/image_0{2,3}/data`` and
    ``velodyne_points/data``; ``<depth_root>/{train,val}/<drive>_sync/proj_depth/groundtruth/image_0{2,3}``. They are
    ``raw`` and ``depth`` in ``data_root``, or it itself. Drives that the raw data lacks are left out.

    Each frame has the intrinsics of its camera, out of ``<date>/calib_cam_to_cam.txt``.

    Args:
        split (str): ``'train'`` or ``'val'`` of the improved ground truth, or the name of another list of the index:
            ``'eigen_train'``, ``'eigen_test'``.
        depth (str): ``'improved'``, or ``'lidar'``: the scan of the same moment, projected at reading; of the points
            that fall into one pixel the nearest counts.
        crop (str): ``'kb'``: the bottom 352 rows and central 1216 columns of image, depth and camera; None: all.
        cameras (tuple): 2, the left colour camera, and 3, the right one.
        depth_range (tuple): (min, max) in metres; readings outside are void.
        labelled_only (bool): leave out frames without such depth (of the Eigen test split's 697, 45 have no improved
            one), unless ``tasks`` leaves depth out.
        need_intrinsics (bool): False: where calibration files are missing, go on without intrinsics.
        ann_file (str): a list of frames, in ``data_root`` or absolute, in the usual format of the Eigen split
            (``2011_09_26/2011_09_26_drive_0002_sync 0000000069 l`` a line).
        label_space (str): classes that a network predicts for its frames, or a teacher gives them; they have none.
        raw_root, depth_root (str): elsewhere than the index says, or than in ``data_root``.
        **kwargs: see `MultiTaskDataset`.

    Raises:
        FileNotFoundError: also for a missing calibration file; the message says where it comes from.
        ValueError: an option that is not known.
    """

    HOW_TO_PREPARE = (
        "Prepare it with `python tools/prepare_dataset.py kitti-depth --raw DIR --depth DIR --out {data_root}`."
    )

    def __init__(
        self,
        data_root,
        split="train",
        depth="improved",
        crop=None,
        cameras=CAMERAS,
        depth_range=None,
        labelled_only=True,
        need_intrinsics=True,
        ann_file=None,
        label_space=None,
        raw_root=None,
        depth_root=None,
        metainfo=None,
        **kwargs,
    ):
        for name, value, known in (("depth", depth, tuple(DEPTHS)), ("crop", crop, (None, *CROPS))):
            if value not in known:
                raise ValueError(f"KITTIDepth: {name}={value!r} is not known: {', '.join(map(repr, known))}.")
        if not cameras or not set(cameras) <= set(CAMERAS):
            raise ValueError(
                f"KITTIDepth: cameras={cameras!r}: one or both of {CAMERAS}, left and right colour camera."
            )
        self.depth, self.crop, self.cameras = depth, crop, tuple(cameras)
        self.depth_range = checked_depth_range(depth_range)
        self.labelled_only, self.need_intrinsics, self.ann_file = labelled_only, need_intrinsics, ann_file
        self.raw_root, self.depth_root = (root and Path(root).expanduser() for root in (raw_root, depth_root))
        if label_space is not None:
            metainfo = {**find_space(label_space).metainfo, **(metainfo or {})}
        super().__init__(data_root, split, metainfo=metainfo, **kwargs)

    @property
    def depth_source(self):
        return dict(improved="improved ground truth", lidar="single laser scans")[self.depth]

    def default_labels(self):
        if self.depth == "lidar":
            return dict(depth=dict(reader=_read_later))
        return dict(depth=dict(reader=read_ranged_depth, scale=DEPTH_SCALE, depth_range=self.depth_range))

    def list_samples(self):
        self.index = find_index(self.data_root)
        self._find_roots()
        files = self._indexed() if self.index and not self.ann_file else self._searched()
        files = self._labelled([frame for frame in files if _camera_of(frame)[1] in self.cameras])
        cameras = {_camera_of(frame) for frame in files}
        self.projections = self._projections(cameras) if self.depth == "lidar" else {}
        intrinsics = self._intrinsics(cameras)
        return [self._sample(frame, intrinsics) for frame in files]

    def read(self, index):
        sample = super().read(index)
        if self.depth == "lidar":
            self._add_scan(sample, self.samples[index])
        return self._cropped(sample) if self.crop else sample

    # which frames there are

    def _find_roots(self):
        raw, depth = self.index or (_folder(self.data_root, "raw"), _folder(self.data_root, "depth"))
        self.raw_root, self.depth_root = self.raw_root or raw, self.depth_root or depth
        for root, option in ((self.raw_root, "raw_root"), (self.depth_root, "depth_root")):
            if root is not None and not root.is_dir():
                raise FileNotFoundError(
                    f"{self._name()}: there is no folder {root}. If the data lies elsewhere by now, give {option}=…"
                )

    def _indexed(self):
        path = self._source()
        if not path.is_file():
            known = ", ".join(splits_of(self.data_root))
            raise FileNotFoundError(f"{self._name()}: there is no list {path}; the splits there are: {known}.")
        return read_index(path)

    def _searched(self):
        """Files of the frames of the list file, or of the official split, in KITTI's own folders."""
        if self.ann_file:
            frames = list(listed_frames(self._source()))
        elif self.split in ANNOTATED_SPLITS:
            frames = list(annotated_frames(self.depth_root, self.split, self.cameras))
        else:
            raise ValueError(
                f"{self._name()}: known are {', '.join(ANNOTATED_SPLITS)}; another split is a list of frames: "
                "ann_file=FILE, or `prepare_dataset.py kitti-depth … --eigen-test FILE`."
            )
        finder = FrameFinder(self.raw_root, self.depth_root)
        there = [frame for frame in frames if finder.has_drive(frame)]
        if len(there) < len(frames):
            missing = sorted({frame.drive for frame in frames} - {frame.drive for frame in there})
            shown = ", ".join(missing[:3]) + (" …" if len(missing) > 3 else "")
            message = (
                f"{self._name()}: {len(frames) - len(there)} of {len(frames)} frames in {self._source()} belong to "
                f"drives whose images {self.raw_root} does not have ({shown})"
            )
            if not there:
                raise FileNotFoundError(f"{message}. Give the folder of the raw data with raw_root=…")
            warnings.warn(f"{message}: they are left out.", stacklevel=2)
        return [finder.files(frame) for frame in there]

    def _labelled(self, files):
        if not self.labelled_only or self._depth_task not in self.tasks:
            return files
        labelled = [frame for frame in files if getattr(frame, DEPTHS[self.depth])]
        if files and not labelled:
            raise DataError(
                f"{self._name()}: of {len(files)} frames none has {self.depth} depth. Is the folder of it complete? "
                "Give depth='improved' or 'lidar', whichever you have, or labelled_only=False for the images alone."
            )
        return labelled

    # cameras

    def _intrinsics(self, cameras):
        known, found = read_cameras(self.data_root) if self.index else {}, {}
        for date, camera in sorted(cameras):
            try:
                found[date, camera] = known.get((date, camera)) or intrinsics_of(self.raw_root, date, camera)
            except CalibrationMissing as error:
                if self.need_intrinsics:
                    raise CalibrationMissing(
                        f"{self._name()}: {error} Without it the camera's intrinsics are unknown; if nothing needs "
                        "them, go on with need_intrinsics=False."
                    ) from None
                found[date, camera] = None
        return found

    def _projections(self, cameras):
        try:
            return {(date, camera): projection_of(self.raw_root, date, camera) for date, camera in sorted(cameras)}
        except CalibrationMissing as error:
            raise CalibrationMissing(
                f"{self._name()}: {error} Without it no laser scan can be projected; depth='improved' needs none."
            ) from None

    # samples

    def _sample(self, frame, intrinsics):
        root, label = (self.depth_root, frame.improved) if self.depth == "improved" else (self.raw_root, frame.scan)
        labels = {} if label is None else dict(depth=root / label)
        return SampleFiles(self.raw_root / frame.img, labels, intrinsics[_camera_of(frame)])

    def _add_scan(self, sample, files):
        """Depth of the frame's laser scan: only the whole sample tells the camera and the size to project it to."""
        path = files.labels.get(self._depth_task)
        if path is None:
            return
        image = files.img.relative_to(self.raw_root).as_posix()
        projection = self.projections[_camera_of(FrameFiles(image, None, None))]
        depth = in_range(points_to_depth(read_scan(path), projection, sample["img"].shape[-2:]), self.depth_range, path)
        if depth is not None:
            sample[self._depth_task] = depth
            sample["meta"]["label_paths"][self._depth_task] = str(path)

    def _cropped(self, sample):
        try:
            window = CROPS[self.crop](*sample["img"].shape[-2:])
        except ValueError as error:
            raise DataError(f"{self._name()}: {sample['meta']['img_path']}: {error}. Leave crop=None.") from None
        sample = {
            key: F.crop(value, *window) if isinstance(value, tv_tensors.TVTensor) else value
            for key, value in sample.items()
        }
        if self._depth_task in sample and not sample[self._depth_task].any():  # a label without a reading is none
            del sample[self._depth_task], sample["meta"]["label_paths"][self._depth_task]
        return sample

    @property
    def _depth_task(self):
        return self._task("depth")

    def _source(self):
        if self.ann_file:
            return self.data_root / self.ann_file
        return self.data_root / f"{self.split}.txt" if self.index else self.depth_root / self.split


def _camera_of(files):
    frame = frame_of(files)
    return frame.date, frame.camera


def _read_later(path):
    """No label yet: `KITTIDepth.read` adds it."""
    return None


def _folder(data_root, name):
    return data_root / name if (data_root / name).is_dir() else data_root
