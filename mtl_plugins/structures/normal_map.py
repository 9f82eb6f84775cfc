import math

import torch
from torchvision import tv_tensors
from torchvision.transforms.v2 import functional as F

from .dense_map import DENSE_KERNELS, DenseMap
from .refuse import refuse


class NormalMap(DenseMap):
    """Surface normals, (..., 3, H, W) float32, unit vectors in the camera frame (x right, y down, z forward).

    A surface that faces the camera has z < 0; (0, 0, 0) is invalid. Mirroring and rotating turn the vectors
    too.
    """

    channels = 3


def _turned(inpt, matrix):
    """The map with (x, y) of each vector multiplied by the 2×2 ``matrix``."""
    x, y, z = inpt.as_subclass(torch.Tensor).unbind(-3)
    (a, b), (c, d) = matrix
    return tv_tensors.wrap(torch.stack((a * x + b * y, c * x + d * y, z), dim=-3), like=inpt)


def _rotation(degrees):
    """Counter-clockwise as seen on the image, whose y points down."""
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    return (cos, sin), (-sin, cos)


@F.register_kernel(F.horizontal_flip, NormalMap)
def _horizontal_flip(inpt):
    return _turned(DENSE_KERNELS[F.horizontal_flip](inpt), ((-1, 0), (0, 1)))


@F.register_kernel(F.vertical_flip, NormalMap)
def _vertical_flip(inpt):
    return _turned(DENSE_KERNELS[F.vertical_flip](inpt), ((1, 0), (0, -1)))


@F.register_kernel(F.rotate, NormalMap)
def _rotate(inpt, angle, *args, **kwargs):
    return _turned(DENSE_KERNELS[F.rotate](inpt, angle, *args, **kwargs), _rotation(angle))


@F.register_kernel(F.affine, NormalMap)
def _affine(inpt, angle, *args, shear=(0, 0), **kwargs):
    if any(shear):
        raise TypeError(
            f"affine with shear={list(shear)} has no meaning for NormalMap: no camera sees that. Set shear=0."
        )
    moved = DENSE_KERNELS[F.affine](inpt, angle, *args, shear=shear, **kwargs)
    return _turned(moved, _rotation(-angle))  # torchvision's affine counts its angle clockwise


for _functional in (F.perspective, F.elastic):
    refuse(_functional, NormalMap, "no camera sees the scene so, and the vectors would no longer fit the image")
