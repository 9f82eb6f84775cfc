"""From a label file to a tensor with a meaning: ``reader(path, **options)``, which gives None for no label."""

import warnings

import numpy as np
import torch
from mmengine.registry import FUNCTIONS
from torchvision import tv_tensors

from mtl_plugins.functional.normals_png import decode_normals
from mtl_plugins.structures import DenseMap, DepthMap, NormalMap

from .decode import decode_file
from .errors import DataError
from .transforms.fill import VOID


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


def read_classes(path, num_classes=None, void_ids=()):
    """Class ids of each pixel, ``Mask`` uint8 (1, H, W), 255 void.

    Args:
        path: PNG of 8 bits or less, grey or palette.
        num_classes (int): ids must lie below it, or be void; None: not checked.
        void_ids (tuple): ids in the file that mean void too.
    """
    raw = _one_channel(path, "a map of class ids").numpy()
    if void_ids:
        table = np.arange(np.iinfo(raw.dtype).max + 1, dtype=raw.dtype)
        table[list(void_ids)] = VOID
        raw = np.take(table, raw)
    limit = VOID if num_classes is None else num_classes
    # + 1 takes void from 255 to 0, in a hundredth of the time that np.unique needs
    if raw.dtype != np.uint8 or (raw + np.uint8(1)).max() > limit:
        found = [n for n in np.unique(raw).tolist() if n >= limit and n != VOID]
        if found:
            shown = ", ".join(map(str, found[:10])) + (" …" if len(found) > 10 else "")
            raise DataError(
                f"{path} holds class id {shown}, but there are {limit} classes: 0…{limit - 1}, and {VOID} "
                "for void. Correct the file, or name all classes in the dataset's metainfo=dict(classes=…)."
            )
    return tv_tensors.Mask(torch.from_numpy(raw.astype(np.uint8, copy=False)))


def read_depth(path, scale):
    """Depth, ``DepthMap`` float32 (1, H, W) in metres, of a 16-bit PNG of metres × ``scale``; 0: no reading."""
    raw = _one_channel(path, "a depth map")
    if raw.dtype != torch.uint16:
        raise DataError(
            f"{path} is a PNG of 8 bits, but depth is read from 16 bits (metres × {scale:g}, 0 for no "
            "reading). Write it again as a 16-bit grey PNG."
        )
    return _unless_empty(DepthMap(raw.to(torch.float32).div_(scale)), path, "no reading (all zero)")


def read_normals(path):
    """Normals, ``NormalMap`` float32 (3, H, W), of an 8-bit PNG as ``decode_normals`` describes it."""
    raw = decode_file(path)
    if raw.shape[0] != 3 or raw.dtype != torch.uint8:
        raise DataError(f"{path} has {raw.shape[0]} channels of {raw.dtype}, but normals are an 8-bit RGB PNG.")
    return _unless_empty(NormalMap(decode_normals(raw)), path, "no valid normal")


def read_map(path):
    """Any map of numbers, such as saliency: ``DenseMap`` float32 (C, H, W), 0…1 of the file's 8 or 16 bits."""
    raw = decode_file(path)
    return DenseMap(raw.to(torch.float32).div_(torch.iinfo(raw.dtype).max))


def _unless_empty(label, path, what):
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
