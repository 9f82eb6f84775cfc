from functools import singledispatch

import torch
from torchvision import tv_tensors
from torchvision.transforms.v2 import InterpolationMode
from torchvision.transforms.v2 import functional as F

from .dense_map import DenseMap
from .depth_map import DepthMap
from .image_label import ImageLabel
from .intrinsics import Intrinsics, scaled
from .normal_map import NormalMap


@singledispatch
def zoom(inpt, factor):
    """Magnify by ``factor`` > 0 with the camera unchanged: the scene is then ``factor`` times nearer.

    An image is resized (bilinear, antialiased), a mask and a map by nearest neighbour; depth is divided by
    ``factor``, a normal becomes proportional to (x, y, factor · z), and of the intrinsics the principal point
    moves while the focal length stays. ``zoom.register`` adds a type of yours.

    Raises:
        TypeError: for a tensor whose type has no meaning here, such as a plain one.
    """
    raise TypeError(
        f"zoom does not know what a {type(inpt).__name__} is: give tv_tensors.Image, tv_tensors.Mask, "
        "DenseMap, DepthMap, NormalMap or Intrinsics, or register a function for your type with "
        "@zoom.register."
    )


def _zoomed_size(size, factor):
    return [max(1, round(n * factor)) for n in size]


def _resized(inpt, factor, **kwargs):
    plain = inpt.as_subclass(torch.Tensor)
    return F.resize(plain, _zoomed_size(plain.shape[-2:], factor), **kwargs)


def _nearest(inpt, factor):
    return _resized(inpt, factor, interpolation=InterpolationMode.NEAREST_EXACT)


@zoom.register
def _image(inpt: tv_tensors.Image, factor):
    return tv_tensors.wrap(_resized(inpt, factor, antialias=True), like=inpt)


@zoom.register(tv_tensors.Mask)
@zoom.register(DenseMap)
def _labels(inpt, factor):
    return tv_tensors.wrap(_nearest(inpt, factor), like=inpt)


@zoom.register
def _image_label(inpt: ImageLabel, factor):
    return inpt


@zoom.register
def _depth(inpt: DepthMap, factor):
    return tv_tensors.wrap(_nearest(inpt, factor) / factor, like=inpt)


@zoom.register
def _normals(inpt: NormalMap, factor):
    x, y, z = _nearest(inpt, factor).unbind(-3)
    squeezed = torch.stack((x, y, z * factor), dim=-3)
    length = squeezed.square().sum(-3, keepdim=True).sqrt()  # torch's own norm takes ten times as long over maps
    return tv_tensors.wrap(squeezed / length.clamp(min=1e-12), like=inpt)  # zeros stay zeros


@zoom.register
def _intrinsics(inpt: Intrinsics, factor):
    # 1 / factor undoes the scaling of the focal length, up to what rounding the size to whole pixels left
    # over
    return scaled(inpt, _zoomed_size(inpt.canvas_size, factor), focal=(1 / factor, 1 / factor))
