import torch
from torchvision import tv_tensors
from torchvision.transforms.v2 import InterpolationMode
from torchvision.transforms.v2 import functional as F

from .refuse import refuse

# The exact rule keeps pixel centres where the bilinear resize of the image puts them.
_RESIZE = dict(interpolation=InterpolationMode.NEAREST_EXACT, antialias=False)
_WARP = dict(interpolation=InterpolationMode.NEAREST, fill=0)
_FORCED_ARGUMENTS = {
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
    """A label of numbers, (..., C, H, W) float32: it moves with the image, and its values stay as they are.

    Pixels are never mixed (nearest neighbour), pixels from outside the image are 0, colour transforms leave
    it alone. Subclass it for a map whose values change with the geometry, as `DepthMap` and `NormalMap` do.
    """

    channels = None  # None: any number

    def __new__(cls, data, *, dtype=torch.float32, device=None):
        tensor = torch.as_tensor(data, dtype=dtype, device=device)
        if tensor.ndim < 3 or (cls.channels and tensor.shape[-3] != cls.channels):
            shape = f"(..., {cls.channels or 'C'}, H, W)"
            raise ValueError(f"{cls.__name__} is {shape}, but got a tensor of shape {tuple(tensor.shape)}.")
        return tensor.as_subclass(cls)


def _register(functional, forced):
    @F.register_kernel(functional, DenseMap)
    def kernel(inpt, *args, **kwargs):
        out = functional(inpt.as_subclass(torch.Tensor), *args, **{**kwargs, **forced})
        return tv_tensors.wrap(out, like=inpt)

    return kernel


#: {functional: kernel}, for subclasses that turn their vectors after the map itself was moved
DENSE_KERNELS = {functional: _register(functional, forced) for functional, forced in _FORCED_ARGUMENTS.items()}

for _functional in (F.five_crop, F.ten_crop):
    refuse(_functional, DenseMap, "it makes several samples of one")


@F.register_kernel(F.get_size, DenseMap)
def _get_size(inpt):
    return list(inpt.shape[-2:])


@F.register_kernel(F.to_dtype, DenseMap)
def _to_dtype(inpt, *args, **kwargs):
    return inpt  # metres and unit vectors have no range to scale to
