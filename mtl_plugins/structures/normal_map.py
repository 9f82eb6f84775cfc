import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torchvision import tv_tensors
from torchvision.transforms.v2 import functional as F

from .dense_map import DENSE_KERNELS, DenseMap
from .no_shear import require_no_shear
from .refuse import refuse

_Matrix = tuple[tuple[float, float], tuple[float, float]]


class NormalMap(DenseMap):
    """Surface normals, float32 (..., 3, H, W): unit vectors in the camera frame (x right, y down, z forward).

    A surface that faces the camera has z < 0; (0, 0, 0) is invalid. Mirroring and rotating the image changes the
    vectors accordingly.
    """

    channels = 3


def _turned(inpt: Tensor, matrix: _Matrix) -> Tensor:
    """The map with (x, y) of each vector multiplied by a 2x2 matrix."""
    x, y, z = inpt.as_subclass(Tensor).unbind(-3)
    (a, b), (c, d) = matrix
    return tv_tensors.wrap(torch.stack((a * x + b * y, c * x + d * y, z), dim=-3), like=inpt)


def _rotation(degrees: float) -> _Matrix:
    """Counter-clockwise as seen in the image, whose y axis points down."""
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    return (cos, sin), (-sin, cos)


@F.register_kernel(F.horizontal_flip, NormalMap)
def _horizontal_flip(inpt: Tensor) -> Tensor:
    return _turned(DENSE_KERNELS[F.horizontal_flip](inpt), ((-1, 0), (0, 1)))


@F.register_kernel(F.vertical_flip, NormalMap)
def _vertical_flip(inpt: Tensor) -> Tensor:
    return _turned(DENSE_KERNELS[F.vertical_flip](inpt), ((1, 0), (0, -1)))


@F.register_kernel(F.rotate, NormalMap)
def _rotate(inpt: Tensor, angle: float, *args: Any, **kwargs: Any) -> Tensor:
    return _turned(DENSE_KERNELS[F.rotate](inpt, angle, *args, **kwargs), _rotation(angle))


@F.register_kernel(F.affine, NormalMap)
def _affine(inpt: Tensor, angle: float, *args: Any, shear: Sequence[float] = (0, 0), **kwargs: Any) -> Tensor:
    require_no_shear(inpt, shear)
    moved = DENSE_KERNELS[F.affine](inpt, angle, *args, shear=shear, **kwargs)
    return _turned(moved, _rotation(-angle))  # torchvision's affine counts its angle clockwise


for _functional in (F.perspective, F.elastic):
    refuse(_functional, NormalMap, "no camera shows a scene like that, so the vectors would not fit the image")
