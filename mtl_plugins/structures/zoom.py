from collections.abc import Sequence
from functools import singledispatch
from typing import Any

import torch
from torch import Tensor
from torchvision import tv_tensors
from torchvision.transforms.v2 import InterpolationMode
from torchvision.transforms.v2 import functional as F

from .dense_map import DenseMap
from .depth_map import DepthMap
from .edge_map import EdgeMap
from .image_label import ImageLabel
from .intrinsics import Intrinsics, scaled
from .normal_map import NormalMap


@singledispatch
def zoom(inpt: Tensor, factor: float) -> Tensor:
    """Enlarge a tensor by `factor` as if the scene were `factor` times nearer to the same camera.

    Images are resized (bilinear, antialiased), masks and maps by nearest neighbour. Depth is divided by `factor`, a
    normal becomes proportional to (x, y, factor * z). Of the intrinsics, the principal point moves and the focal length
    stays. `zoom.register` adds a type.

    Args:
        inpt: `Image`, `Mask`, `DenseMap`, `DepthMap`, `DisparityMap`, `NormalMap` or `Intrinsics`.
        factor: The factor, above 0.

    Raises:
        TypeError: The tensor has another type, for example a plain tensor.
    """
    raise TypeError(
        f"zoom does not support {type(inpt).__name__}. Use tv_tensors.Image, tv_tensors.Mask, DenseMap, DepthMap, "
        "NormalMap or Intrinsics, or register a function for your type with @zoom.register."
    )


def _zoomed_size(size: Sequence[int], factor: float) -> list[int]:
    return [max(1, round(n * factor)) for n in size]


def _resized(inpt: Tensor, factor: float, **kwargs: Any) -> Tensor:
    plain = inpt.as_subclass(Tensor)
    return F.resize(plain, _zoomed_size(plain.shape[-2:], factor), **kwargs)


def _nearest(inpt: Tensor, factor: float) -> Tensor:
    return _resized(inpt, factor, interpolation=InterpolationMode.NEAREST_EXACT)


@zoom.register
def _image(inpt: tv_tensors.Image, factor: float) -> Tensor:
    return tv_tensors.wrap(_resized(inpt, factor, antialias=True), like=inpt)


@zoom.register(tv_tensors.Mask)
@zoom.register(DenseMap)
def _labels(inpt: Tensor, factor: float) -> Tensor:
    return tv_tensors.wrap(_nearest(inpt, factor), like=inpt)


@zoom.register
def _edges(inpt: EdgeMap, factor: float) -> Tensor:
    return F.resize(inpt, _zoomed_size(inpt.shape[-2:], factor))


@zoom.register
def _image_label(inpt: ImageLabel, factor: float) -> Tensor:
    return inpt


@zoom.register
def _depth(inpt: DepthMap, factor: float) -> Tensor:
    return tv_tensors.wrap(_nearest(inpt, factor) / factor, like=inpt)


@zoom.register
def _normals(inpt: NormalMap, factor: float) -> Tensor:
    x, y, z = _nearest(inpt, factor).unbind(-3)
    squeezed = torch.stack((x, y, z * factor), dim=-3)
    length = squeezed.square().sum(-3, keepdim=True).sqrt()  # torch's norm takes ten times as long over maps
    return tv_tensors.wrap(squeezed / length.clamp(min=1e-12), like=inpt)  # zeros stay zeros


@zoom.register
def _intrinsics(inpt: Intrinsics, factor: float) -> Tensor:
    # 1 / factor undoes the scaling of the focal length, except for the rounding of the size to full pixels
    return scaled(inpt, _zoomed_size(inpt.canvas_size, factor), focal=(1 / factor, 1 / factor))
