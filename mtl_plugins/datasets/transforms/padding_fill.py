import torch
from torchvision import tv_tensors

from mtl_plugins.label_spaces import VOID

#: ImageNet's mean in 0…255, which the preprocessor normalises to about zero.
IMAGE_MEAN = (124, 116, 104)


def padding_fill(inpt: torch.Tensor, image_fill: tuple[float, ...]) -> list[float] | int:
    """The value of pixels outside the image: `image_fill` for images, void for masks (and subclasses), otherwise 0."""
    if isinstance(inpt, tv_tensors.Image):
        return list(image_fill)
    return VOID if isinstance(inpt, tv_tensors.Mask) else 0
