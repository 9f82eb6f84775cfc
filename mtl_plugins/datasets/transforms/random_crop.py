import torch
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional as F

from mtl_plugins.registry import TRANSFORMS

from .fill import IMAGE_MEAN, fill_of


@TRANSFORMS.register_module()
class RandomCrop(v2.Transform):
    """Crop a window at random; an image smaller than it is padded first, at a random place.

    Padding is ``fill`` in the image, 255 (void) in masks, 0 (invalid) in depth, normals and other maps.

    Args:
        size (tuple | int): (H, W) of the window.
        fill (tuple): RGB, 0…255.
    """

    def __init__(self, size, fill=IMAGE_MEAN):
        super().__init__()
        self.size = (size, size) if isinstance(size, int) else tuple(size)
        if len(self.size) != 2 or min(self.size) < 1:
            raise ValueError(f"RandomCrop wants size=(H, W) of positive integers, got {size!r}.")
        self.fill = tuple(fill)

    def make_params(self, flat_inputs):
        # room < 0: the window reaches that far over the border
        rooms = [have - want for have, want in zip(v2.query_size(flat_inputs), self.size, strict=True)]
        top, left = (_draw(min(room, 0), max(room, 0)) for room in rooms)
        lacks_y, lacks_x = (max(-room, 0) for room in rooms)
        padding = (max(-left, 0), max(-top, 0), lacks_x - max(-left, 0), lacks_y - max(-top, 0))
        return dict(padding=padding, top=max(top, 0), left=max(left, 0))

    def transform(self, inpt, params):
        if any(params["padding"]):
            inpt = F.pad(inpt, list(params["padding"]), fill=fill_of(inpt, self.fill))
        return F.crop(inpt, params["top"], params["left"], *self.size)


def _draw(low, high):
    return int(torch.randint(low, high + 1, ()))
