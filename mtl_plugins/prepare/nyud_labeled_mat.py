import math
from collections.abc import Iterator
from contextlib import contextmanager
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
_INSTANCES = dict(instances=("iu", _PLANE))
_TYPE_OF_KINDS = dict(u="uint8", iu="uint16", f="float32")
_MAX_IMAGES = 8  # in memory per field: 10 MB
_MAX_CHUNK = 2**29  # bytes; a chunk is decompressed into memory
_FILTERS = {h5py.h5z.FILTER_DEFLATE, h5py.h5z.FILTER_SHUFFLE, h5py.h5z.FILTER_FLETCHER32}  # others may load plugins


class LabeledMat:
    """Reads `nyu_depth_v2_labeled.mat` (MATLAB v7.3, which is HDF5), a few images of one field at a time.

    The fields are `images` (RGB), `labels` (raw classes 1 … 894, 0 for unlabelled), `rawDepths` (metres as measured),
    `depths` (with holes filled in) and, if wanted, `instances` (numbers of the objects of a class).

    Nothing outside of the file is read: links to other files and data in other files are refused.

    Args:
        path: The file; it is checked and closed again.
        instances: Whether the field `instances` is needed.

    Raises:
        FileNotFoundError: The file does not exist.
        DataError: It is another file, truncated, damaged, or has unexpected fields or more images than NYUDv2.
    """

    def __init__(self, path: str | Path, instances: bool = False):
        self.path = Path(path)
        self._fields = _FIELDS | (_INSTANCES if instances else {})
        if not self.path.is_file():
            problem = f"{path} is a folder" if Path(path).is_dir() else f"the file {path} does not exist"
            raise FileNotFoundError(f"{problem}. Download {URL} (no login), or use --download.")
        self.bytes = self.path.stat().st_size
        with self._open() as file, self._reading("is damaged:"):
            self.images = self._check_fields(file)
            chunks = [file[name].chunks for name in self._fields]
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
        problem = f"is damaged: {field} of the images {first + 1} to {stop} cannot be read"
        with self._open() as file, self._reading(problem, "The files prepared so far are kept. "):
            found = file[field][first:stop]
            return found.transpose(0, *range(found.ndim - 1, 0, -1))

    @contextmanager
    def _reading(self, problem: str, advice: str = "") -> Iterator[None]:
        """Turn what h5py raises for a damaged file, which can be nearly anything, into a DataError."""
        try:
            yield
        except DataError:
            raise
        except Exception as error:
            reason = " ".join(str(error).split())[:200] or type(error).__name__
            raise DataError(f"{self.path} {problem} ({reason}). {advice}{_expected()}") from None

    def _open(self) -> h5py.File:
        try:
            return h5py.File(self.path, "r")
        except Exception as error:  # nearly anything, if the file is damaged
            raise DataError(f"{self.path} ({self.bytes:,} bytes) {self._diagnose(error)} {_expected()}") from None

    def _diagnose(self, error: Exception) -> str:
        with open(self.path, "rb") as file:
            head = file.read(64)
        if head.startswith(b"MATLAB 5.0"):
            return "is a MATLAB file of the older format, not HDF5. If it is a splits.mat, use --splits."
        if not h5py.is_hdf5(self.path):
            return "is not an HDF5 file: another file, or truncated at its very beginning."
        return f"is truncated or damaged ({error})."

    def _check_fields(self, file: h5py.File) -> int:
        """Check the fields and return the number of images."""
        linked = [name for name in self._fields if name in file.id and not _is_stored(file, name)]
        if linked:
            raise DataError(f"{self.path}: {', '.join(linked)} is a link, possibly to another file. {_expected()}")
        missing = [name for name in self._fields if not isinstance(file.get(name), h5py.Dataset)]
        if missing:
            names = [str(name) for name in file]
            existing = ", ".join(name for name in names if not name.startswith("#"))[:200] or "nothing"
            raise DataError(f"{self.path} has no {', '.join(missing)}; it contains: {existing}. {_expected()}")
        for name, (kinds, shape) in self._fields.items():
            field = file[name]
            if field.shape[1:] != shape or field.dtype.kind not in kinds or (name == "images" and field.dtype != "u1"):
                raise DataError(
                    f"{self.path}: {name} is {field.dtype} {field.shape}, but (N, {', '.join(map(str, shape))}) of "
                    f"{_TYPE_OF_KINDS[kinds]} is expected. Was the file rewritten with other axes? {_expected()}"
                )
            if fault := _fault_of_storage(field):
                raise DataError(f"{self.path}: {name} {fault}. {_expected()}")
        counts = {name: file[name].shape[0] for name in self._fields}
        if len(set(counts.values())) > 1 or not counts["images"]:
            shown = ", ".join(f"{name} {count}" for name, count in counts.items())
            raise DataError(
                f"{self.path}: the fields must have the same number of images, but have: {shown}. {_expected()}"
            )
        if counts["images"] > IMAGES:
            raise DataError(
                f"{self.path} claims to have {counts['images']:,} images, but NYUDv2 has {IMAGES:,}. {_expected()}"
            )
        return counts["images"]


def _is_stored(file: h5py.File, name: str) -> bool:
    """Whether a field is in the file itself; decided without following a link."""
    return file.id.links.get_info(name.encode()).type == h5py.h5l.TYPE_HARD


def _fault_of_storage(field: h5py.Dataset) -> str | None:
    """Why the values of a field must not be read."""
    if field.external or field.is_virtual:
        return "has its values in another file"
    plist = field.id.get_create_plist()
    if not {plist.get_filter(i)[0] for i in range(plist.get_nfilters())} <= _FILTERS:
        return "is compressed in a way that MATLAB does not use"
    size = field.dtype.itemsize * math.prod(field.chunks or ())
    return f"has chunks of {size / 1e6:,.0f} MB, which do not fit into memory" if size > _MAX_CHUNK else None


def _expected() -> str:
    return f"Expected nyu_depth_v2_labeled.mat ({BYTES:,} bytes): download {URL} again, or use --download."
