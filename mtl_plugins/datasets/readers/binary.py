from pathlib import Path

import torch
from torch import Tensor
from torchvision import tv_tensors

from mtl_plugins.label_spaces import VOID

from ..data_error import DataError
from .dense_map import read_map


def read_binary(path: str | Path, threshold: float = 0.5) -> tv_tensors.Mask:
    """Read a map of yes and no, such as saliency, uint8 (1, H, W): 1 above the threshold, 0 below, 255 for void.

    Args:
        path: A grey image, whose values are scaled to 0…1, or an NPY file, in which NaN means void.
        threshold: Between 0 and 1.

    Raises:
        DataError: The file has several channels, or values outside 0…1.
    """
    values = read_map(path).as_subclass(Tensor)
    if len(values) != 1:
        raise DataError(f"{path} has {len(values)} channels, but a binary map has one. Store it as a grey image.")
    known = values.isfinite()
    if ((values < 0) | (values > 1))[known].any():
        low, high = values[known].min().item(), values[known].max().item()
        raise DataError(f"{path} has values from {low:g} to {high:g}, but a binary map has values from 0 to 1.")
    return tv_tensors.Mask(torch.where(known, values > threshold, VOID).to(torch.uint8))
