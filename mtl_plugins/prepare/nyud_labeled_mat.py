from pathlib import Path

import h5py
import numpy as np

from mtl_plugins.datasets.data_error import DataError
from mtl_plugins.datasets.nyudv2 import KINECT_SIZE

#: NYUDv2's official file; no login is needed.
URL = "http://horatio.cs.nyu.edu/mit/silberman/nyu_depth_v2/nyu_depth_v2_labeled.mat"
#: Its bytes, its checksum, its images.
BYTES, MD5, IMAGES = 2_972_037_809, "520609c519fba3ba5ac58c8fefcc3530", 1449

_PLANE = KINECT_SIZE[::-1]  # MATLAB's order, columns first, is the reverse of ours
_FIELDS = dict(  # kinds of numbers that are right (of numpy), shape of one image
    images=("u", (3, *_PLANE)), labels=("iu", _PLANE), depths=("f", _PLANE), rawDepths=("f", _PLANE)
)
_MOST = 8  # images of a field that are held at once: 10 MB


class LabeledMat:
    """``nyu_depth_v2_labeled.mat`` (MATLAB v7.3, which is HDF5), some images of a field at a time.

    Its fields: ``images`` (RGB), ``labels`` (raw classes 1 … 894, 0 unlabelled), ``rawDepths`` (metres as the sensor
    gave them), ``depths`` (with the holes filled in).

    Args:
        path: the file; it is looked at, and closed again.

    Raises:
        FileNotFoundError: there is no such file.
        DataError: it is another file, cut off, or its fields are not what they should be.
    """

    def __init__(self, path: str | Path):
        self.path = Path(path)
        if not self.path.is_file():
            wrong = f"{path} is a folder" if Path(path).is_dir() else f"there is no file {path}"
            raise FileNotFoundError(f"{wrong}. Fetch {URL} (no login), or use --download.")
        self.bytes = self.path.stat().st_size
        with self._open() as file:
            self.images = self._checked_fields(file)
            chunks = [file[name].chunks for name in _FIELDS]
        # a chunk that spans several images is unpacked once for all of them
        self.step = min(max(chunk[0] if chunk else 1 for chunk in chunks), _MOST)

    def read(self, field: str, first: int, stop: int) -> np.ndarray:
        """Images ``first`` to ``stop`` - 1 of a field, from 0: (N, 480, 640) or, of ``images``, (N, 480, 640, 3).

        `step` of them at most: all are held at once.

        Raises:
            DataError: a part of the file is damaged.
        """
        with self._open() as file:
            try:
                found = file[field][first:stop]
            except (OSError, RuntimeError) as error:
                raise DataError(
                    f"{self.path} is damaged: {field} of the images {first + 1} to {stop} can't be read ({error}). "
                    f"What is prepared already is kept. {_wanted()}"
                ) from None
        return found.transpose(0, *range(found.ndim - 1, 0, -1))

    def _open(self):
        try:
            return h5py.File(self.path, "r")
        except OSError as error:
            raise DataError(f"{self.path} ({self.bytes:,} bytes) {self._what_it_is(error)} {_wanted()}") from None

    def _what_it_is(self, error):
        with open(self.path, "rb") as file:
            head = file.read(64)
        if head.startswith(b"MATLAB 5.0"):
            return "is a MATLAB file of the older kind, not HDF5: splits.mat or a mapping? --splits takes the former."
        if not h5py.is_hdf5(self.path):
            return "is no HDF5 file: another file, or one that broke off at its very beginning."
        return f"is cut off or damaged ({error})."

    def _checked_fields(self, file):
        missing = [name for name in _FIELDS if not isinstance(file.get(name), h5py.Dataset)]
        if missing:
            there = ", ".join(name for name in file if not name.startswith("#")) or "nothing"
            raise DataError(f"{self.path} has no {', '.join(missing)}; it holds: {there}. {_wanted()}")
        for name, (kinds, shape) in _FIELDS.items():
            field = file[name]
            if field.shape[1:] != shape or field.dtype.kind not in kinds or (name == "images" and field.dtype != "u1"):
                raise DataError(
                    f"{self.path}: {name} is {field.dtype} {field.shape}, but (N, {', '.join(map(str, shape))}) of "
                    f"{dict(u='uint8', iu='uint16', f='float32')[kinds]} is wanted. Was it written anew, with other "
                    f"axes? {_wanted()}"
                )
        counts = {name: len(file[name]) for name in _FIELDS}
        if len(set(counts.values())) > 1 or not counts["images"]:
            shown = ", ".join(f"{name} {count}" for name, count in counts.items())
            raise DataError(f"{self.path}: the fields must have equally many images, but have: {shown}. {_wanted()}")
        return counts["images"]


def _wanted():
    return f"Wanted is nyu_depth_v2_labeled.mat ({BYTES:,} bytes): fetch {URL} again, or use --download."
