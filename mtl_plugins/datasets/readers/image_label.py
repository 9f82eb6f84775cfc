from pathlib import Path

import torch

from mtl_plugins.files.text_file import read_text, shorten
from mtl_plugins.structures import ImageLabel

from ..data_error import DataError


def read_image_class(path: str | Path, num_classes: int | None = None) -> ImageLabel | None:
    """Read the class of an image from a text file with its id: int64 (1,).

    Args:
        path: The file.
        num_classes: Number of classes; None to skip the check.

    Returns:
        The label, or None if the id is -1 (void).

    Raises:
        DataError: The file has no integer, or the class does not exist.
    """
    text = read_text(path).strip()
    try:
        number = int(text)
    except ValueError:
        raise DataError(
            f"{path}: a class id (an integer) is expected, but the file contains {shorten(text)}."
        ) from None
    if number < -1 or (num_classes is not None and number >= num_classes):
        allowed = "0 or more" if num_classes is None else f"0 to {num_classes - 1}"
        raise DataError(f"{path}: the class id is {number}, but ids are {allowed}, or -1 for void.")
    return None if number == -1 else ImageLabel([number], dtype=torch.int64)


def read_image_numbers(path: str | Path) -> ImageLabel | None:
    """Read the values of an image from a text file, separated by white space: float32 (K,).

    Returns:
        The label, or None if a value is NaN.

    Raises:
        DataError: The file is empty or contains something else.
    """
    text = read_text(path)
    try:
        values = torch.tensor([float(part) for part in text.split()])
    except ValueError:
        values = torch.empty(0)
    if not len(values) or bool(values.isinf().any()):
        raise DataError(f"{path}: finite numbers are expected, but the file contains {shorten(text.strip())}.")
    return None if bool(values.isnan().any()) else ImageLabel(values)
