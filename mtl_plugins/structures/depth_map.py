from collections.abc import Sequence
from typing import Any

from torch import Tensor
from torchvision.transforms.v2 import functional as F

from .dense_map import DENSE_KERNELS, DenseMap
from .no_shear import require_no_shear
from .refuse import refuse


class DepthMap(DenseMap):
    """Depth along the optical axis, float32 (..., 1, H, W), metres; 0 means "no reading".

    A resize keeps the values, because the focal length changes with the image (see `Intrinsics`). `zoom` moves the
    scene nearer.
    """

    channels = 1


@F.register_kernel(F.affine, DepthMap)
def _affine(inpt: Tensor, *args: Any, shear: Sequence[float] = (0, 0), **kwargs: Any) -> Tensor:
    require_no_shear(inpt, shear)
    return DENSE_KERNELS[F.affine](inpt, *args, shear=shear, **kwargs)


for _functional in (F.perspective, F.elastic):
    refuse(_functional, DepthMap, "no camera shows a scene like that, so the depth would not fit the image")
