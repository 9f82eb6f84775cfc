from pathlib import Path
from typing import Any

import torch
from torchvision import tv_tensors

from mtl_plugins.structures import DenseMap, ImageLabel

_ALLOWED = (
    "a reader returns tv_tensors.Mask (1, H, W) of class ids, mtl_plugins.structures.DenseMap (K, H, W) of numbers, "
    "ImageLabel (K,) for the complete image, or None for a missing label"
)


def check_label(label: Any, task: str, path: Path, dataset: str) -> None:
    """Check what a reader returned.

    Raises:
        TypeError: It is not a label that the transforms move with the image.
    """
    where = f"{dataset}: the reader of the label {task!r} returned"
    if label is None:
        return
    if not isinstance(label, torch.Tensor):
        value = f" {label!r}" if isinstance(label, bool | int | float | complex) else ""
        raise TypeError(f"{where} a {type(label).__name__}{value} for {path}: {_ALLOWED}.")
    if not isinstance(label, tv_tensors.Mask | tv_tensors.Image | DenseMap | ImageLabel):
        raise TypeError(f"{where} a {type(label).__name__} of shape {tuple(label.shape)} for {path}: {_ALLOWED}.")
    if not isinstance(label, ImageLabel) and label.ndim != 3:
        raise TypeError(
            f"{where} a {type(label).__name__} of shape {tuple(label.shape)} for {path}, but a map has three axes: add "
            f"the channel axis with label[None]."
        )
    if label.is_complex() or (isinstance(label, tv_tensors.Mask) and label.is_floating_point()):
        raise TypeError(
            f"{where} a {type(label).__name__} of {label.dtype} for {path}: class ids are integers, and numbers "
            f"belong in a DenseMap of float32."
        )
