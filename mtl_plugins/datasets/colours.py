"""Class labels that are stored as colours."""

import numpy as np
import torch
from mmengine.registry import FUNCTIONS
from torchvision import tv_tensors

from mtl_plugins.label_spaces import VOID, label_space

from .decode import decode_file
from .errors import DataError

BLACK = (0, 0, 0)


@FUNCTIONS.register_module(name="colours")
def read_colours(path, space, void_colours=(BLACK,)):
    """Class ids of a picture in the colours of a label space, ``Mask`` uint8 (1, H, W), 255 void.

    Args:
        path: PNG, RGB; a palette is looked up, transparency passed over.
        space: name of the label space, such as ``'kitti6'``, or the path of its CSV file.
        void_colours: RGB colours that mean void.

    Raises:
        DataError: a colour that the space doesn't have, with its place.
    """
    space = label_space(space)
    red, green, blue = decode_file(path, "RGB").numpy().astype(np.int32)
    codes = red << 16 | green << 8 | blue
    ids, known = np.full(codes.shape, VOID, np.uint8), np.zeros(codes.shape, bool)
    for identity, colour in (*((VOID, colour) for colour in void_colours), *zip(space.ids, space.palette, strict=True)):
        found = codes == _code(colour)
        ids[found] = identity
        known |= found
    if not known.all():
        raise DataError(_unknown(path, codes, known, space))
    return tv_tensors.Mask(torch.from_numpy(ids)[None])


def _code(colour):
    red, green, blue = colour
    return red << 16 | green << 8 | blue


def _unknown(path, codes, known, space):
    row, column = (int(n) for n in np.argwhere(~known)[0])
    code = int(codes[row, column])
    colour = (code >> 16, code >> 8 & 255, code & 255)
    count = codes.size - int(known.sum())
    classes = ", ".join(f"{name} {tuple(rgb)}" for name, rgb in zip(space.classes, space.palette, strict=True))
    return (
        f"{path} has the colour RGB {colour} at row {row}, column {column} ({count:,} pixels have unknown colours), "
        f"which is no class of {space.name}: {classes}. Was it saved as JPEG, resized smoothly, or coloured for "
        "another set of classes?"
    )
