from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from mmengine.structures import BaseDataElement
from PIL import Image
from torch import Tensor

from mtl_plugins.images import decode_image_file


def sample_picture(image: Tensor, sample: BaseDataElement) -> np.ndarray:
    """The image of a sample, uint8 RGB (H', W', 3), at the size of its predictions.

    If the network saw it at another size, it is read again from its file, which is sharper than resizing.

    Args:
        image: What the network saw, uint8 (3, H, W).
        sample: The sample, with `ori_shape` and `img_path`.
    """
    picture = image.detach().cpu().permute(1, 2, 0).numpy()
    size = tuple(sample.get("ori_shape") or picture.shape[:2])
    if picture.shape[:2] == size:
        return picture
    original = _read_if_size(sample.get("img_path"), size)
    if original is not None:
        return original
    return np.asarray(Image.fromarray(picture).resize(size[::-1], Image.Resampling.BILINEAR))


def _read_if_size(path: Any, size: Sequence[int]) -> np.ndarray | None:
    """The image in a file, if it has the expected (H, W)."""
    try:
        image = decode_image_file(path, "RGB")
    except (OSError, TypeError, ValueError):  # not from a file
        return None
    if image.dtype != torch.uint8 or tuple(image.shape[-2:]) != tuple(size):
        return None
    return image.permute(1, 2, 0).numpy()
