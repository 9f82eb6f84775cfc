from pathlib import Path

import h5py
import numpy as np

from mtl_plugins.datasets import DataError
from mtl_plugins.datasets.nyudv2 import KINECT_SIZE

#: NYUDv2's official file; no login is needed.
URL = "http://horatio.cs.nyu.edu/mit/silberman/nyu_depth_v2/nyu_depth_v2_labeled.mat"
#: Its size, its checksum, and its number of images.
BYTES, MD5, IMAGES = 2_972_037_809, "520609c519fba3ba5ac58c8fefcc3530", 1449

_PLANE = KINECT_SIZE[::-1]  # MATLAB stores columns first
_FIELDS = dict(  # allowed numpy kinds, and the shape of one image
    images=("u", (3, *_PLANE)), labels=("iu", _PLANE), depths=("f", _PLANE), rawDepths=("f", _PLANE)
)
_TYPE_OF_KINDS = dict(u="uint8", iu="uint16", f="float32")
_MAX_IMAGES = 8  # in memory per field: 10 MB


class LabeledMat:
    """Reads `nyu_depth_v2_labeled.mat` (MATLAB v7.3, which is HDF5), a few images of one field at a time.

    The fields are `images` (RGB), `labels` (raw classes 1 … 894, 0 for unlabelled), `rawDepths` (metres as measured),
    and `depths` (with holes filled in).

    Args:
        path: The file; it is checked and closed again.

    Raises:
        FileNotFoundError: The file does not exist.
        DataError: It is another file, truncated, or has unexpected fields.
    """

    def __init__(self, path: str | Path):
        self.path = Path(path)
        if not self.path.is_file():
            problem = f"{path} is a folder" if Path(path).is_dir() else f"the file {path} does not exist"
            raise FileNotFoundError(f"{problem}. Download {URL} (no login), or use --download.")
        self.bytes = self.path.stat().st_size
        with self._open() as file:
            self.images = self._check_fields(file)
            chunks = [file[name].chunks for name in _FIELDS]
        # a chunk that spans several images is decompressed once for all of them
        self.step = min(max(chunk[0] if chunk else 1 for chunk in chunks), _MAX_IMAGES)

    def read(self, field: str, first: int, stop: int) -> np.ndarray:
        """Read the images `first` to `stop` - 1 of a field; at most `step` images, to limit memory.

        Args:
            field: Name of the field.
            first: First image, counted from 0.
            stop: The image after the last one.

        Returns:
            (N, 480, 640), or (N, 480, 640, 3) for `images`.

        Raises:
            DataError: A part of the file is damaged.
        """
        with self._open() as file:
            try:
                found = file[field][first:stop]
            except (OSError, RuntimeError) as error:
                raise DataError(
                    f"{self.path} is damaged: {field} of the images {first + 1} to {stop} cannot be read ({error}). "
                    f"The files prepared so far are kept. {_expected()}"
                ) from None
        return found.transpose(0, *range(found.ndim - 1, 0, -1))

    def _open(self) -> h5py.File:
        try:
            return h5py.File(self.path, "r")
        except OSError as error:
            raise DataError(f"{self.path} ({self.bytes:,} bytes) {self._diagnose(error)} {_expected()}") from None

    def _diagnose(self, error: OSError) -> str:
        with open(self.path, "rb") as file:
            head = file.read(64)
        if head.startswith(b"MATLAB 5.0"):
            return "is a MATLAB file of the older format, not HDF5. If it is a splits.mat, use --splits."
        if not h5py.is_hdf5(self.path):
            return "is not an HDF5 file: another file, or truncated at its very beginning."
        return f"is truncated or damaged ({error})."

    def _check_fields(self, file: h5py.File) -> int:
        """Check the fields and return the number of images."""
        missing = [name for name in _FIELDS if not isinstance(file.get(name), h5py.Dataset)]
        if missing:
            existing = ", ".join(name for name in file if not name.startswith("#")) or "nothing"
            raise DataError(f"{self.path} has no {', '.join(missing)}; it contains: {existing}. {_expected()}")
        for name, (kinds, shape) in _FIELDS.items():
            field = file[name]
            if field.shape[1:] != shape or field.dtype.kind not in kinds or (name == "images" and field.dtype != "u1"):
                raise DataError(
                    f"{self.path}: {name} is {field.dtype} {field.shape}, but (N, {', '.join(map(str, shape))}) of "
                    f"{_TYPE_OF_KINDS[kinds]} is expected. Was the file rewritten with other axes? {_expected()}"
                )
        counts = {name: len(file[name]) for name in _FIELDS}
        if len(set(counts.values())) > 1 or not counts["images"]:
            shown = ", ".join(f"{name} {count}" for name, count in counts.items())
            raise DataError(
                f"{self.path}: the fields must have the same number of images, but have: {shown}. {_expected()}"
            )
        return counts["images"]


def _expected() -> str:
    return f"Expected nyu_depth_v2_labeled.mat ({BYTES:,} bytes): download {URL} again, or use --download."
