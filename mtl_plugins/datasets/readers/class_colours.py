from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch
from torchvision import tv_tensors

from mtl_plugins.images import decode_image_file
from mtl_plugins.label_spaces import VOID, LabelSpace, label_space
from mtl_plugins.registry import FUNCTIONS

from ..data_error import DataError

Colour = tuple[int, int, int]
BLACK: Colour = (0, 0, 0)


@FUNCTIONS.register_module(name="colours")
def read_colours(path: str | Path, space: str | Path, void_colours: Iterable[Colour] = (BLACK,)) -> tv_tensors.Mask:
    """Read the class ids of a label image that stores each class as a colour, uint8 (1, H, W), 255 for void.

    Args:
        path: An RGB or palette PNG; an alpha channel is ignored.
        space: Name of the label space whose palette is used, such as `'kitti6'`, or the path of its CSV file.
        void_colours: RGB colours that mean void.

    Raises:
        DataError: The image contains a colour that the label space does not have.
    """
    colours = label_space(space)
    red, green, blue = decode_image_file(path, "RGB").numpy().astype(np.int32)
    codes = red << 16 | green << 8 | blue
    ids, known = np.full(codes.shape, VOID, np.uint8), np.zeros(codes.shape, bool)
    for identity, colour in (
        *((VOID, colour) for colour in void_colours),
        *zip(colours.ids, colours.palette, strict=True),
    ):
        found = codes == _code(colour)
        ids[found] = identity
        known |= found
    if not known.all():
        raise DataError(_unknown_colour(path, codes, known, colours))
    return tv_tensors.Mask(torch.from_numpy(ids)[None])


def _code(colour: Colour) -> int:
    red, green, blue = colour
    return red << 16 | green << 8 | blue


def _unknown_colour(path: str | Path, codes: np.ndarray, known: np.ndarray, space: LabelSpace) -> str:
    row, column = (int(n) for n in np.argwhere(~known)[0])
    code = int(codes[row, column])
    colour = (code >> 16, code >> 8 & 255, code & 255)
    count = codes.size - int(known.sum())
    classes = ", ".join(f"{name} {tuple(rgb)}" for name, rgb in zip(space.classes, space.palette, strict=True))
    return (
        f"{path} has the colour RGB {colour} at row {row}, column {column} ({count:,} pixels have unknown colours), "
        f"which is not a class of {space.name}: {classes}. Was the image saved as JPEG, resized with interpolation, "
        "or coloured for another label space?"
    )
