"""From a label file to a tensor with a meaning: ``reader(path, **options)``, which gives None for no label."""

import warnings
from functools import cache

import numpy as np
import torch
from mmengine.registry import FUNCTIONS
from torchvision import tv_tensors

from mtl_plugins.functional.normals_png import decode_normals
from mtl_plugins.label_spaces import VOID, label_space
from mtl_plugins.label_spaces import class_map as find_class_map
from mtl_plugins.structures import DenseMap, DepthMap, NormalMap

from .decode import decode_file
from .errors import DataError


def read_image(path):
    """An image, ``Image`` uint8 (3, H, W); grey, palette and RGBA become RGB, 16 bits become 8."""
    image = decode_file(path, "RGB")
    if image.dtype == torch.uint16:
        image = (image.to(torch.int32) >> 8).to(torch.uint8)
    return tv_tensors.Image(image)


def _one_channel(path, what):
    raw = decode_file(path)
    if raw.shape[0] != 1:
        raise DataError(
            f"{path} has {raw.shape[0]} channels, but {what} has one. Is it a picture for people? Give the "
            "file of the numbers themselves."
        )
    return raw


def read_classes(path, num_classes=None, void_ids=(), class_map=None):
    """Class ids of each pixel, ``Mask`` uint8 (1, H, W), 255 void.

    Args:
        path: PNG, grey or palette.
        num_classes (int): ids, after the map, must lie below it, or be void; None: not checked.
        void_ids (tuple): ids in the file that mean void too.
        class_map: from the file's ids to others: names ``(source, target)`` of label spaces, or a look-up table of
            uint8, 255 void, as `label_spaces.class_map` gives it. The file's ids must be known to the source, or be
            void.

    Raises:
        DataError: an id that there is not, with the file's name.
    """
    raw = _one_channel(path, "a map of class ids").numpy()
    if class_map is not None:
        raw = _mapped(raw, class_map, tuple(void_ids), path)
    elif void_ids:
        table = np.arange(np.iinfo(raw.dtype).max + 1, dtype=raw.dtype)
        table[list(void_ids)] = VOID
        raw = np.take(table, raw)
    limit = VOID if num_classes is None else num_classes
    # + 1 takes void from 255 to 0, in a hundredth of the time that np.unique needs
    if raw.dtype != np.uint8 or (raw + np.uint8(1)).max() > limit:
        found = [n for n in np.unique(raw).tolist() if n >= limit and n != VOID]
        if found:
            holds = "holds class id" if class_map is None else "holds what its class map makes class id"
            raise DataError(
                f"{path} {holds} {_shown(found)}, but there are {limit} classes: 0…{limit - 1}, and {VOID} "
                "for void. Is this another dataset's folder? Else correct the file, or, in a config, name all classes: "
                "metainfo=dict(classes=…)."
            )
    return tv_tensors.Mask(torch.from_numpy(raw.astype(np.uint8, copy=False)))


def _mapped(raw, class_map, void_ids, path):
    named = isinstance(class_map[0], str)
    lut, known = _named_table(tuple(class_map), void_ids) if named else _table(class_map, None, void_ids)
    strange = ~np.take(known, raw, mode="clip")
    if strange.any():
        ids = np.flatnonzero(known)
        owner = f"of {class_map[0]} " if named else ""
        raise DataError(
            f"{path} holds class id {_shown(np.unique(raw[strange]).tolist())}, but the ids {owner}that can be mapped "
            f"are {ids[0]}…{ids[ids != VOID][-1]}, and {VOID} for void. Are these labels of another set? Name theirs "
            "in class_map=(source, target); ids that mean void are void_ids."
        )
    return np.take(lut, raw)


@cache
def _named_table(names, void_ids):
    return _table(find_class_map(*names), label_space(names[0]).ids, void_ids)


def _table(given, ids, void_ids):
    """The look-up table, uint8, and which ids it knows: ``ids`` (None: all of them), void, and ``void_ids``."""
    given = np.asarray(given)
    if given.ndim != 1 or given.dtype.kind not in "iu" or given.min() < 0 or given.max() > VOID:
        raise ValueError(f"class_map is two names of label spaces or a table of ids 0…{VOID}, but got {given!r:.200}.")
    lut = np.full(max(len(given), VOID + 1, *(void + 1 for void in void_ids)), VOID, np.uint8)
    lut[: len(given)] = given
    lut[list(void_ids)] = VOID
    known = np.zeros(len(lut) + 1, bool)  # the last stands for all ids beyond the table
    known[[*(range(len(given)) if ids is None else ids), VOID, *void_ids]] = True
    return lut, known


def _shown(ids):
    return ", ".join(map(str, ids[:10])) + (" …" if len(ids) > 10 else "")


def read_depth(path, scale):
    """Depth, ``DepthMap`` float32 (1, H, W) in metres, of a 16-bit PNG of metres × ``scale``; 0: no reading."""
    raw = _one_channel(path, "a depth map")
    if raw.dtype != torch.uint16:
        raise DataError(
            f"{path} is a PNG of 8 bits, but depth is read from 16 bits (metres × {scale:g}, 0 for no "
            "reading). Write it again as a 16-bit grey PNG."
        )
    return unless_empty(DepthMap(raw.to(torch.float32).div_(scale)), path, "no reading (all zero)")


def read_normals(path):
    """Normals, ``NormalMap`` float32 (3, H, W), of an 8-bit PNG as ``decode_normals`` describes it."""
    raw = decode_file(path)
    if raw.shape[0] != 3 or raw.dtype != torch.uint8:
        raise DataError(f"{path} has {raw.shape[0]} channels of {raw.dtype}, but normals are an 8-bit RGB PNG.")
    return unless_empty(NormalMap(decode_normals(raw)), path, "no valid normal")


def read_map(path):
    """Any map of numbers, such as saliency: ``DenseMap`` float32 (C, H, W), 0…1 of the file's 8 or 16 bits."""
    raw = decode_file(path)
    return DenseMap(raw.to(torch.float32).div_(torch.iinfo(raw.dtype).max))


def unless_empty(label, path, what):
    """The label; None, with a warning, where it says nothing of any pixel."""
    if label.any():
        return label
    # Python shows the same warning once a process
    warnings.warn(f"{path} has {what}: its label is left out, as if the file were missing.", stacklevel=2)
    return None


READERS = dict(classes=read_classes, depth=read_depth, normals=read_normals, image=read_map)


def find_reader(reader, task):
    """A reader by its short name, by its name in mmengine's ``FUNCTIONS``, or the callable itself."""
    if callable(reader):
        return reader
    found = READERS.get(reader) or FUNCTIONS.get(reader)
    if found is None:
        raise KeyError(
            f"there is no reader {reader!r} for the label {task!r}: use one of {sorted(READERS)}, a function "
            "that is registered with @mmengine.FUNCTIONS.register_module(), or a callable(path)."
        )
    return found
