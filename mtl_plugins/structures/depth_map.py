from torchvision.transforms.v2 import functional as F

from .dense_map import DENSE_KERNELS, DenseMap
from .refuse import refuse


class DepthMap(DenseMap):
    """Depth along the optical axis, (..., 1, H, W) float32, metres; 0: no reading.

    A resize keeps the values, since the focal length follows it (see `Intrinsics`); `zoom` brings the scene
    nearer.
    """

    channels = 1


@F.register_kernel(F.affine, DepthMap)
def _affine(inpt, *args, shear=(0, 0), **kwargs):
    if any(shear):
        raise TypeError(
            f"affine with shear={list(shear)} has no meaning for DepthMap: no camera sees that. Set shear=0."
        )
    return DENSE_KERNELS[F.affine](inpt, *args, shear=shear, **kwargs)


for _functional in (F.perspective, F.elastic):
    refuse(_functional, DepthMap, "no camera sees the scene so, and depth would no longer fit the image")
