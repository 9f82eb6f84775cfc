"""Writes the PNG files of NYUDv2 images."""

from collections.abc import Callable, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from scipy.ndimage import distance_transform_edt

from mtl_plugins.datasets import KINECT_INTRINSICS, DataError
from mtl_plugins.datasets.nyudv2 import DEPTH_FOLDERS, DEPTH_SCALE, MASK_IDS
from mtl_plugins.files import png_is_complete, write_png
from mtl_plugins.functional import depth_to_normals
from mtl_plugins.functional.edges import label_boundaries, thin
from mtl_plugins.functional.normals_png import INVALID, encode_normals
from mtl_plugins.images import decode_image_file
from mtl_plugins.label_spaces import VOID, class_map, map_classes

from .dataset_summary import image_statistics
from .nyud_labeled_mat import LabeledMat

RAW_IDS = "nyud894"
SENSOR_LIMIT = 10.0  # metres; the value of pixels without a reading


class Kind(NamedTuple):
    """One kind of PNG."""

    folder: str
    field: str  # of the .mat
    encode: Callable[..., np.ndarray]  # from an image of the field, and of the second one, to the content of the PNG
    second: str | None = None  # another field


def encode_labels(labels: np.ndarray) -> np.ndarray:
    """Map raw classes to ids 0 … 39, 255 for void.

    Raises:
        DataError: A class does not exist in NYUDv2.
    """
    lut = class_map(RAW_IDS, MASK_IDS)
    if labels.min() < 0 or labels.max() >= len(lut):
        raise DataError(f"the labels range from {labels.min()} to {labels.max()}, but NYUDv2 has 0 … {len(lut) - 1}")
    return map_classes(labels, lut)


def encode_valid_depth(metres: np.ndarray) -> np.ndarray:
    """Encode depth as uint16 of metres × 5000, rounded; 0 for invalid values and values above 16 bits (13.1 m)."""
    code = np.rint(np.nan_to_num(metres, nan=0.0, posinf=0.0, neginf=0.0) * DEPTH_SCALE)
    return np.where((code > 0) & (code <= np.iinfo(np.uint16).max), code, 0).astype(np.uint16)


def encode_raw_depth(metres: np.ndarray) -> np.ndarray:
    """Encode the sensor's depth with `encode_valid_depth`; values at the sensor's limit are no readings."""
    return encode_valid_depth(np.where(metres < SENSOR_LIMIT, metres, 0))


def encode_normals_of_depth(metres: np.ndarray) -> np.ndarray:
    """Compute normals from the sensor's depth and encode them."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # each process has one core, and a fork loses the thread pool
    try:
        depth = encode_raw_depth(metres).astype(np.float32) / np.float32(DEPTH_SCALE)
        normals = depth_to_normals(torch.from_numpy(depth)[None], KINECT_INTRINSICS)
        return encode_normals(normals.permute(1, 2, 0).numpy())
    finally:
        torch.set_num_threads(threads)


def encode_edges(labels: np.ndarray, instances: np.ndarray) -> np.ndarray:
    """Borders between classes and instances, 255 for an edge and 0 for none.

    Pixels without a class first take that of the nearest pixel with one, so that the gap between two objects becomes
    one line.
    """
    ids = labels.astype(np.int32) * (1 << 8) + instances
    if not labels.all() and labels.any():
        rows, columns = distance_transform_edt(labels == 0, return_distances=False, return_indices=True)
        ids = ids[rows, columns]
    return np.where(thin(label_boundaries(ids)), 255, 0).astype(np.uint8)


KINDS = dict(
    img=Kind("rgb", "images", np.ascontiguousarray),
    semseg=Kind("masks", "labels", encode_labels),
    depth=Kind(DEPTH_FOLDERS["raw"], "rawDepths", encode_raw_depth),
    normals=Kind("normals", "rawDepths", encode_normals_of_depth),
    edge=Kind("edge", "labels", encode_edges, "instances"),
    filled=Kind(DEPTH_FOLDERS["filled"], "depths", encode_valid_depth),
)

#: Kinds that the lists do not name
UNLISTED = ("filled", "edge")
# The value of invalid pixels of each label.
_INVALID = dict(semseg=VOID, depth=0, normals=INVALID, edge=0)


def png_path(out: Path, kind: str, number: int) -> Path:
    """The file of image `number`, counted from 1."""
    return out / KINDS[kind].folder / f"{number:06d}.png"


def list_line(kinds: Sequence[str], number: int) -> str:
    """The line of an image in a list: all but the filled depth and the edges, which `NYUDv2` finds by their name."""
    paths = (png_path(Path(), kind, number) for kind in kinds if kind not in UNLISTED)
    return "\t".join(path.as_posix() for path in paths) + "\n"


class BlockJob(NamedTuple):
    """The images `first` to `stop` - 1, counted from 0."""

    mat: LabeledMat
    out: Path
    kinds: Sequence[str]
    first: int
    stop: int


def write_block(job: BlockJob) -> list[dict[str, Any]]:
    """Write the missing PNGs of some images, and return the `image_statistics` of all of them."""
    mat, out, kinds, first, stop = job
    missing = [
        (kind, index)
        for kind in kinds
        for index in range(first, stop)
        if not png_is_complete(png_path(out, kind, index + 1))
    ]
    for (field, second), parts in groupby(missing, key=lambda part: (KINDS[part[0]].field, KINDS[part[0]].second)):
        images = [mat.read(name, first, stop) for name in (field, second) if name is not None]
        for kind, index in parts:
            try:
                array = KINDS[kind].encode(*(each[index - first] for each in images))
            except DataError as error:
                raise DataError(f"{mat.path}: image {index + 1}: {error}. Is this another file?") from None
            write_png(png_path(out, kind, index + 1), array)
        del images  # free the memory before the next field is read
    return [_statistics(out, kinds, index + 1) for index in range(first, stop)]


def _statistics(out: Path, kinds: Sequence[str], number: int) -> dict[str, Any]:
    arrays = {}
    for kind in set(kinds) & set(_INVALID):
        arrays[kind] = decode_image_file(png_path(out, kind, number))[0].numpy()
    tasks = [kind for kind, array in arrays.items() if (array != _INVALID[kind]).any()]
    return image_statistics(tasks, arrays["semseg"], arrays["depth"].astype(np.uint16) / DEPTH_SCALE)
