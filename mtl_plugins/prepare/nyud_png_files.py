"""The PNGs of one image of NYUDv2."""

from collections.abc import Callable, Sequence
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image

from mtl_plugins.datasets.data_error import DataError
from mtl_plugins.datasets.nyudv2 import DEPTH_FOLDERS, DEPTH_SCALE, KINECT_INTRINSICS, MASK_IDS
from mtl_plugins.files import png_is_complete, write_png
from mtl_plugins.functional import depth_to_normals
from mtl_plugins.functional.normals_png import INVALID, encode_normals
from mtl_plugins.label_spaces import VOID, class_map, map_classes

from .dataset_summary import figures

RAW_IDS = "nyud894"
SENSOR_LIMIT = 10.0  # metres: what the sensor gives where it reads nothing


class Kind(NamedTuple):
    """One kind of PNG."""

    folder: str
    field: str  # of the .mat
    encode: Callable[[np.ndarray], np.ndarray]  # from a field's image to what the PNG holds


def encode_labels(labels: np.ndarray) -> np.ndarray:
    """Raw classes to 0 … 39, 255 void.

    Raises:
        DataError: a class that NYUDv2 doesn't have.
    """
    lut = class_map(RAW_IDS, MASK_IDS)
    if labels.min() < 0 or labels.max() >= len(lut):
        raise DataError(f"the labels go from {labels.min()} to {labels.max()}, but NYUDv2 has 0 … {len(lut) - 1}")
    return map_classes(labels, lut)


def encode_depth(metres: np.ndarray) -> np.ndarray:
    """Metres × 5000, rounded, uint16; 0 where that is no depth, or more than 16 bits hold (13.1 m)."""
    code = np.rint(np.nan_to_num(metres, nan=0.0, posinf=0.0, neginf=0.0) * DEPTH_SCALE)
    return np.where((code > 0) & (code <= np.iinfo(np.uint16).max), code, 0).astype(np.uint16)


def encode_raw_depth(metres: np.ndarray) -> np.ndarray:
    """`encode_depth` of what the sensor read: at its limit it read nothing."""
    return encode_depth(np.where(metres < SENSOR_LIMIT, metres, 0))


def encode_normals_of_depth(metres: np.ndarray) -> np.ndarray:
    """Normals of what the sensor read."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # each process has a core, and the pool of threads is lost in a fork
    try:
        depth = encode_raw_depth(metres).astype(np.float32) / np.float32(DEPTH_SCALE)
        normals = depth_to_normals(torch.from_numpy(depth)[None], KINECT_INTRINSICS)
        return encode_normals(normals.permute(1, 2, 0).numpy())
    finally:
        torch.set_num_threads(threads)


KINDS = dict(
    img=Kind("rgb", "images", np.ascontiguousarray),
    semseg=Kind("masks", "labels", encode_labels),
    depth=Kind(DEPTH_FOLDERS["raw"], "rawDepths", encode_raw_depth),
    normals=Kind("normals", "rawDepths", encode_normals_of_depth),
    filled=Kind(DEPTH_FOLDERS["filled"], "depths", encode_depth),
)


# Of each kind that is a label: what says nothing of a pixel.
_NOTHING = dict(semseg=VOID, depth=0, normals=INVALID)


def path_of(out: Path, kind: str, number: int) -> Path:
    """The file of image ``number``, counted from 1."""
    return out / KINDS[kind].folder / f"{number:06d}.png"


def list_line(kinds: Sequence[str], number: int) -> str:
    """An image's line of a list: all but the filled depth, which `NYUDv2` finds by the raw one's name."""
    paths = (path_of(Path(), kind, number) for kind in kinds if kind != "filled")
    return "\t".join(path.as_posix() for path in paths) + "\n"


def prepare_block(job: tuple) -> list[dict]:
    """Writes images of a `LabeledMat`, but for those that are there, and gives the `figures` of them all.

    Args:
        job: (mat, out, kinds, first, stop); the images ``first`` to ``stop`` - 1, counted from 0.
    """
    mat, out, kinds, first, stop = job
    missing = [
        (kind, index)
        for kind in kinds
        for index in range(first, stop)
        if not png_is_complete(path_of(out, kind, index + 1))
    ]
    for field, parts in groupby(missing, key=lambda part: KINDS[part[0]].field):
        images = mat.read(field, first, stop)
        for kind, index in parts:
            try:
                array = KINDS[kind].encode(images[index - first])
            except DataError as error:
                raise DataError(f"{mat.path}: image {index + 1}: {error}. Is this another file?") from None
            write_png(path_of(out, kind, index + 1), array)
        del images  # before the next are read
    return [_figures(out, kinds, index + 1) for index in range(first, stop)]


def _figures(out, kinds, number):
    arrays = {}
    for kind in set(kinds) & set(_NOTHING):
        with Image.open(path_of(out, kind, number)) as image:
            arrays[kind] = np.asarray(image)
    tasks = [kind for kind, array in arrays.items() if (array != _NOTHING[kind]).any()]
    return figures(tasks, arrays["semseg"], arrays["depth"].astype(np.uint16) / DEPTH_SCALE)
