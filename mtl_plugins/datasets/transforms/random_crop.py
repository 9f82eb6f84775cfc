from typing import Any

import torch
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional as F

from mtl_plugins.registry import TRANSFORMS

from .padding_fill import IMAGE_MEAN, padding_fill


@TRANSFORMS.register_module()
class RandomCrop(v2.Transform):
    """Crop a random window; an image smaller than the window is first padded, at a random position.

    The padding is `fill` in the image, 255 (void) in masks, and 0 (invalid) in depth, normals and other maps.

    Args:
        size: (H, W) of the window; a single number gives a square.
        fill: RGB, 0…255.
    """

    def __init__(self, size: int | tuple[int, int], fill: tuple[float, float, float] = IMAGE_MEAN):
        super().__init__()
        self.size = (size, size) if isinstance(size, int) else tuple(size)
        if len(self.size) != 2 or min(self.size) < 1:
            raise ValueError(f"RandomCrop: size must be (H, W) of positive integers, but got {size!r}.")
        self.fill = tuple(fill)

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        # a negative margin means that the window extends that far beyond the border
        margins = [have - want for have, want in zip(v2.query_size(flat_inputs), self.size, strict=True)]
        top, left = (_draw(min(margin, 0), max(margin, 0)) for margin in margins)
        missing_y, missing_x = (max(-margin, 0) for margin in margins)
        padding = (max(-left, 0), max(-top, 0), missing_x - max(-left, 0), missing_y - max(-top, 0))
        return dict(padding=padding, top=max(top, 0), left=max(left, 0))

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        if any(params["padding"]):
            inpt = F.pad(inpt, list(params["padding"]), fill=padding_fill(inpt, self.fill))
        return F.crop(inpt, params["top"], params["left"], *self.size)


def _draw(low: int, high: int) -> int:
    return int(torch.randint(low, high + 1, ()))
