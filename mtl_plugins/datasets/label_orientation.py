"""Labels of images that have an EXIF orientation: drawn on the image as viewers show it, or on the stored pixels."""

from pathlib import Path

from torch import Tensor

from mtl_plugins.images import StoredImage, read_stored_image, turn

from .data_error import DataError

#: The values of a dataset's `label_orientation`
LABEL_ORIENTATIONS = ("shown", "stored")


def check_label_orientation(value: str, owner: str) -> str:
    """Check a dataset's option `label_orientation`.

    Raises:
        ValueError: The value is unknown.
    """
    if value not in LABEL_ORIENTATIONS:
        raise ValueError(f"{owner}: label_orientation={value!r} is unknown: use 'shown' or 'stored'.")
    return value


def turn_label(label: Tensor, image: StoredImage, drawn_on: str, place: str, paths: tuple[Path, Path]) -> Tensor:
    """Turn a label so that it fits its image as viewers show it.

    Args:
        label: The label, turned by the EXIF orientation of its own file, if it has one.
        image: The image.
        drawn_on: What decides if the sizes do not: `'shown'` or `'stored'`.
        place: The dataset and the task, for the error message.
        paths: The files of the label and of the image.

    Raises:
        DataError: The label has neither the size of the image as shown nor that of its stored pixels.
    """
    if label.ndim < 2:  # a label of the complete image
        return label
    size = (label.shape[-2], label.shape[-1])
    shown, stored = image.shown_size, image.stored_size
    if size not in (shown, stored):
        raise DataError(_wrong_size(size, image, place, paths))
    if image.orientation == 1 or (size == shown != stored):
        return label
    if shown == stored and (drawn_on == "shown" or _has_orientation(paths[0])):
        return label
    return turn(label, image.orientation)


def _has_orientation(path: Path) -> bool:
    """Whether the file of a label has its own EXIF orientation, so that it was turned when it was read."""
    try:
        return read_stored_image(path).orientation != 1
    except (OSError, ValueError):  # a file of a custom reader
        return False


def _wrong_size(size: tuple[int, int], image: StoredImage, place: str, paths: tuple[Path, Path]) -> str:
    shown, stored = image.shown_size, image.stored_size
    what = f"{place} label is {_format(size)} but its image is {_format(shown)}"
    if image.orientation != 1:
        what += f", or {_format(stored)} before its EXIF orientation {image.orientation} turns it"
    if size == shown[::-1]:
        return (
            f"{what} ({paths[0]} and {paths[1]}). One of them lies on its side, and the image file has no EXIF "
            "orientation that turns it: rotate one of them by 90 degrees."
        )
    same_view = abs(size[0] * shown[1] - size[1] * shown[0]) <= max(*size, *shown)
    fix = (
        "Resize one of them; use nearest-neighbour interpolation for labels."
        if same_view
        else "Their aspect ratios differ, so they do not show the same view: use the label of this image."
    )
    return f"{what} ({paths[0]} and {paths[1]}). {fix}"


def _format(size: tuple[int, int]) -> str:
    return f"{size[0]}×{size[1]} (H×W)"
