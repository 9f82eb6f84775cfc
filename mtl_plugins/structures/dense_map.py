from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor
from torchvision import tv_tensors
from torchvision.transforms.v2 import InterpolationMode
from torchvision.transforms.v2 import functional as F

from .refuse import refuse

# NEAREST_EXACT keeps pixel centres where the bilinear resize of the image puts them.
_RESIZE = dict(interpolation=InterpolationMode.NEAREST_EXACT, antialias=False)
_WARP = dict(interpolation=InterpolationMode.NEAREST, fill=0)
_FORCED_ARGUMENTS: dict[Callable[..., Any], dict[str, Any]] = {
    F.horizontal_flip: {},
    F.vertical_flip: {},
    F.crop: {},
    F.center_crop: {},
    F.pad: dict(fill=0, padding_mode="constant"),
    F.resize: _RESIZE,
    F.resized_crop: _RESIZE,
    F.rotate: _WARP,
    F.affine: _WARP,
    F.perspective: _WARP,
    F.elastic: _WARP,
}


class DenseMap(tv_tensors.TVTensor):
    """A label of numbers, float32 (..., C, H, W), that moves with the image and keeps its values.

    Pixels are never mixed (nearest neighbour), pixels from outside the image become 0, and colour transforms leave it
    unchanged. Subclass it for maps whose values change with the geometry, as `DepthMap` and `NormalMap` do.

    Args:
        data: Anything that `torch.as_tensor` accepts.
        dtype: Type of the values.
        device: Device of the tensor.
    """

    #: Number of channels; `None` for any number
    channels: int | None = None

    def __new__(
        cls, data: Any, *, dtype: torch.dtype = torch.float32, device: torch.device | str | None = None
    ) -> "DenseMap":
        tensor = torch.as_tensor(data, dtype=dtype, device=device)
        if tensor.ndim < 3 or (cls.channels and tensor.shape[-3] != cls.channels):
            shape = f"(..., {cls.channels or 'C'}, H, W)"
            raise ValueError(f"{cls.__name__} must be {shape}, but the shape is {tuple(tensor.shape)}.")
        return tensor.as_subclass(cls)


def _register(functional: Callable[..., Any], forced: Mapping[str, Any]) -> Callable[..., Any]:
    @F.register_kernel(functional, DenseMap)
    def kernel(inpt: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        out = functional(inpt.as_subclass(Tensor), *args, **{**kwargs, **forced})
        return tv_tensors.wrap(out, like=inpt)

    return kernel


#: `{functional: kernel}`, for subclasses that change their values after the map was moved
DENSE_KERNELS: dict[Callable[..., Any], Callable[..., Any]] = {
    functional: _register(functional, forced) for functional, forced in _FORCED_ARGUMENTS.items()
}

for _functional in (F.five_crop, F.ten_crop):
    refuse(_functional, DenseMap, "it creates several samples from one")


@F.register_kernel(F.get_size, DenseMap)
def _get_size(inpt: Tensor) -> list[int]:
    return list(inpt.shape[-2:])


@F.register_kernel(F.to_dtype, DenseMap)
def _to_dtype(inpt: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    return inpt  # metres and unit vectors have no range to rescale to
