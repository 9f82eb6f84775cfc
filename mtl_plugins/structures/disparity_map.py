from collections.abc import Sequence
from typing import Any

from torch import Tensor
from torchvision import tv_tensors
from torchvision.transforms.v2 import functional as F

from .dense_map import DENSE_KERNELS, DenseMap
from .no_shear import require_no_shear
from .refuse import refuse
from .zoom import zoom


class DisparityMap(DenseMap):
    """Disparity of a stereo pair, float32 (..., 1, H, W), in pixels of the stored image; 0 means "no reading".

    It behaves like 1 / depth: depth = baseline * fx / disparity, with the fx of the stored image. A resize, which is
    not a zoom, keeps the values, so predictions at another size than the network's input are correct. `zoom` by s moves
    the scene s times nearer and multiplies the values by s.
    """

    channels = 1


@zoom.register
def _disparity(inpt: DisparityMap, factor: float) -> Tensor:
    return tv_tensors.wrap(zoom.dispatch(DenseMap)(inpt, factor) * factor, like=inpt)


@F.register_kernel(F.affine, DisparityMap)
def _affine(inpt: Tensor, *args: Any, shear: Sequence[float] = (0, 0), **kwargs: Any) -> Tensor:
    require_no_shear(inpt, shear)
    return DENSE_KERNELS[F.affine](inpt, *args, shear=shear, **kwargs)


for _functional in (F.perspective, F.elastic):
    refuse(_functional, DisparityMap, "no camera shows a scene like that, so the disparity would not fit the image")
