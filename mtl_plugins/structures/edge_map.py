from typing import Any

import torch
from torch import Tensor
from torchvision import tv_tensors
from torchvision.transforms.v2 import functional as F

from mtl_plugins.functional.resize_edges import resize_edges

from .dense_map import DENSE_KERNELS, DenseMap


class EdgeMap(DenseMap):
    """Edges, float32 (..., 1, H, W): 1 for an edge, 0 for none, NaN for no label.

    A resize keeps thin lines connected, see `resize_edges`. Pixels from outside the image become NaN.
    """

    channels = 1


@F.register_kernel(F.resize, EdgeMap)
def _resize(inpt: EdgeMap, size: list[int] | None, *args: Any, max_size: int | None = None, **kwargs: Any) -> Tensor:
    plain = inpt.as_subclass(Tensor)
    nearest = F.InterpolationMode.NEAREST
    shape = F.resize(plain.new_empty((1, *plain.shape[-2:])), size, nearest, max_size=max_size).shape[-2:]
    flat = [resize_edges(edges, shape) for edges in plain.reshape(-1, 1, *plain.shape[-2:])]
    return tv_tensors.wrap(torch.stack(flat).reshape(*plain.shape[:-2], *shape), like=inpt)


@F.register_kernel(F.resized_crop, EdgeMap)
def _resized_crop(
    inpt: EdgeMap, top: int, left: int, height: int, width: int, size: list[int], *args: Any, **kwargs: Any
) -> Tensor:
    return _resize(F.crop(inpt, top, left, height, width), size)


def _register_fill(functional: Any) -> None:
    @F.register_kernel(functional, EdgeMap)
    def kernel(inpt: EdgeMap, *args: Any, **kwargs: Any) -> Tensor:
        # 0 is a valid label, so the pixels from outside are those that leave a map of ones
        ones = DenseMap(torch.ones_like(inpt.as_subclass(Tensor)))
        inside = DENSE_KERNELS[functional](ones, *args, **kwargs).as_subclass(Tensor) > 0
        moved = DENSE_KERNELS[functional](inpt, *args, **kwargs).as_subclass(Tensor)
        return tv_tensors.wrap(torch.where(inside, moved, torch.nan), like=inpt)


for _functional in (F.crop, F.center_crop, F.pad, F.rotate, F.affine, F.perspective, F.elastic):
    _register_fill(_functional)
