import torch
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional as F

from mtl_plugins.registry import TRANSFORMS

from .fill import IMAGE_MEAN, fill_of


@TRANSFORMS.register_module()
class RandomRotation(v2.Transform):
    """Roll the camera: rotate image and labels about the image's middle by a random angle; normals turn too.

    Corners are filled as `RandomCrop` fills.

    Args:
        degrees (float | tuple): the angle lies in (-degrees, degrees), or between the two.
        p (float): probability.
        fill (tuple): RGB, 0…255.
    """

    def __init__(self, degrees, p=0.5, fill=IMAGE_MEAN):
        super().__init__()
        low, high = (-degrees, degrees) if isinstance(degrees, (int, float)) else degrees
        if not (low <= high and 0 <= p <= 1):
            raise ValueError(f"RandomRotation wants degrees >= 0 or (low, high) and 0 <= p <= 1, got {degrees=}, {p=}.")
        self.degrees, self.p, self.fill = (low, high), p, tuple(fill)

    def make_params(self, flat_inputs):
        chance, place = torch.rand(2).tolist()
        low, high = self.degrees
        return dict(angle=low + place * (high - low) if chance < self.p else 0.0)

    def transform(self, inpt, params):
        if params["angle"] == 0:
            return inpt
        # masks and maps take the nearest pixel whatever is said here
        fill = fill_of(inpt, self.fill)
        return F.rotate(inpt, params["angle"], interpolation=v2.InterpolationMode.BILINEAR, fill=fill)
