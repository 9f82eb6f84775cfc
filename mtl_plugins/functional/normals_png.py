"""Surface normals as 8-bit PNGs, in the layout of Nekrasov et al.'s NYUDv2 samples.

A unit normal (x right, y down, z forward; a surface facing the camera has z < 0) is stored as the channels (x, z, -y),
each `round((v + 1) * 127.5)`. Grey (127, 127, 127) marks a pixel without a normal.
"""

from typing import TypeVar

import numpy as np
import torch

INVALID = 127
_MIN_NORM = 0.5  # a shorter vector is invalid

Png = TypeVar("Png", np.ndarray, torch.Tensor)


def encode_normals(normals: np.ndarray) -> np.ndarray:
    """Convert unit normals to PNG values.

    Args:
        normals: Float (H, W, 3); (0, 0, 0) where invalid.

    Returns:
        uint8 (H, W, 3).
    """
    normals = np.asarray(normals, np.float32)
    if normals.ndim != 3 or normals.shape[2] != 3:
        raise ValueError(f"Normals must have the shape (H, W, 3), not {normals.shape}.")
    x, y, z = normals[..., 0], normals[..., 1], normals[..., 2]
    stored = np.stack([x, z, -y], -1)
    code = np.floor((np.clip(stored, -1, 1) + np.float32(1)) * np.float32(127.5) + np.float32(0.5)).astype(np.uint8)
    code[x * x + y * y + z * z < _MIN_NORM**2] = INVALID
    return code


def decode_normals(png: Png) -> Png:
    """Convert PNG values to float32 unit normals; (0, 0, 0) where the decoded vector is shorter than 0.5.

    Args:
        png: uint8, a numpy array (H, W, 3) or a torch tensor (3, H, W).

    Returns:
        The same type and layout as `png`.
    """
    is_tensor = isinstance(png, torch.Tensor)
    axis = 0 if is_tensor else 2
    if png.ndim != 3 or png.shape[axis] != 3:
        raise ValueError(
            "A PNG of normals has 3 channels, (3, H, W) as a tensor or (H, W, 3) as an array, but this "
            f"{'tensor' if is_tensor else 'array'} is {tuple(png.shape)}."
        )
    if isinstance(png, torch.Tensor):
        x, z, up = (png.to(torch.float32) / 127.5 - 1).unbind(0)
        vectors = torch.stack([x, -up, z])
        length = vectors.square().sum(0, keepdim=True).sqrt()
        return torch.where(length < _MIN_NORM, 0.0, vectors / length.clamp(min=_MIN_NORM))
    stored = np.asarray(png, np.float32) / np.float32(127.5) - np.float32(1)
    normals = np.stack([stored[..., 0], -stored[..., 2], stored[..., 1]], -1)
    norm = np.sqrt(np.square(normals).sum(-1, keepdims=True))
    return np.where(norm < _MIN_NORM, np.float32(0), normals / np.maximum(norm, np.float32(_MIN_NORM)))
