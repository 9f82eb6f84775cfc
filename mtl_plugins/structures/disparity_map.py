from torchvision import tv_tensors
from torchvision.transforms.v2 import functional as F

from .dense_map import DENSE_KERNELS, DenseMap
from .refuse import refuse
from .zoom import zoom


class DisparityMap(DenseMap):
    """Disparity of a stereo pair, (..., 1, H, W) float32, pixels of the image as it is stored; 0: no reading.

    It goes with the image as 1 / depth does: depth = baseline · fx / disparity, with fx of the stored image. So a
    resize, which is no zoom, keeps the values (a prediction at another size than the network's input is then right),
    and `zoom` by s, which brings the scene s times nearer, multiplies them by s.
    """

    channels = 1


@zoom.register
def _disparity(inpt: DisparityMap, factor):
    return tv_tensors.wrap(zoom.dispatch(DenseMap)(inpt, factor) * factor, like=inpt)


@F.register_kernel(F.affine, DisparityMap)
def _affine(inpt, *args, shear=(0, 0), **kwargs):
    if any(shear):
        raise TypeError(
            f"affine with shear={list(shear)} has no meaning for DisparityMap: no camera sees that. Set shear=0."
        )
    return DENSE_KERNELS[F.affine](inpt, *args, shear=shear, **kwargs)


for _functional in (F.perspective, F.elastic):
    refuse(_functional, DisparityMap, "no camera sees the scene so, and disparity would no longer fit the image")
