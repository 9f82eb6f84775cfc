from collections.abc import Sequence
from typing import Any

import torch
from mmengine.model import BaseDataPreprocessor
from timm.data import IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD
from torch import Tensor

from mtl_plugins.registry import MODELS


@MODELS.register_module()
class MultiTaskDataPreprocessor(BaseDataPreprocessor):
    """Stacks images to a batch, moves it to the device and normalises it.

    Images are uint8 RGB until they reach the device. There they become float32: (x / 255 - mean) / std. Images of
    different sizes are padded at the right and at the bottom with the mean colour. Labels keep their size.

    Args:
        mean: Mean of R, G and B in 0 ... 1. With None, `MultiTaskModel` passes the mean of its backbone; without a
            model it is ImageNet's.
        std: Standard deviation of R, G and B in 0 ... 1; None as for `mean`.
        channels_last: Whether the batch has the channels-last layout, which is faster on CPUs and on tensor cores.
        non_blocking: Whether copies to the device may overlap with computation.

    Raises:
        ValueError: `mean` is not three numbers in 0 ... 1, or `std` is not three numbers above 0 and at most 1.
    """

    mean: Tensor
    scale: Tensor

    def __init__(
        self,
        mean: Sequence[float] | None = None,
        std: Sequence[float] | None = None,
        channels_last: bool = True,
        non_blocking: bool = True,
    ):
        super().__init__(non_blocking)
        self.channels_last = channels_last
        self.mean_rgb = check_mean(IMAGENET_DEFAULT_MEAN if mean is None else mean)
        self.std_rgb = check_std(IMAGENET_DEFAULT_STD if std is None else std)
        mean_255, std_255 = (
            255 * torch.tensor(values, dtype=torch.float32).view(1, -1, 1, 1)
            for values in (self.mean_rgb, self.std_rgb)
        )
        self.register_buffer("mean", mean_255, persistent=False)
        self.register_buffer("scale", 1 / std_255, persistent=False)

    def forward(self, data: dict, training: bool = False) -> dict:
        """Normalise a batch.

        Args:
            data: `inputs`, a list of uint8 images (3, H, W) or a batch (N, 3, H, W), and optionally `data_samples`.
            training: Unused; part of mmengine's interface.

        Returns:
            A dict with `inputs` (N, 3, H, W), normalised, and `data_samples`, both on the device.
        """
        inputs = data["inputs"]
        batch = inputs if isinstance(inputs, Tensor) else _stack(self._padded(inputs))
        moved = self.cast_data({"inputs": batch, "data_samples": data.get("data_samples")})
        return {"inputs": self.normalise(moved["inputs"]), "data_samples": moved["data_samples"]}

    def normalise(self, batch: Tensor) -> Tensor:
        """Normalise uint8 RGB images (N, 3, H, W); returns a new float tensor."""
        layout = torch.channels_last if self.channels_last else torch.contiguous_format
        batch = batch.contiguous(memory_format=layout).to(self.mean.dtype, copy=True)  # the input stays unchanged
        return batch.sub_(self.mean).mul_(self.scale)

    def _padded(self, images):
        height = max(image.shape[-2] for image in images)
        width = max(image.shape[-1] for image in images)
        if all(image.shape[-2:] == (height, width) for image in images):
            return images
        colour = self.mean[0].round().to(images[0])  # close to zero after normalisation
        padded = []
        for image in images:
            canvas = colour.expand(3, height, width).clone()
            canvas[:, : image.shape[-2], : image.shape[-1]] = image
            padded.append(canvas)
        return padded


def check_mean(mean: Any, name: str = "data_preprocessor.mean") -> tuple[float, ...]:
    """The mean of R, G and B as a tuple.

    Args:
        mean: Three numbers in 0 ... 1.
        name: Its name in the error message.

    Raises:
        ValueError: The values are something else.
    """
    return _three_numbers(mean, name, "from 0 to 1", lambda value: 0 <= value <= 1)


def check_std(std: Any, name: str = "data_preprocessor.std") -> tuple[float, ...]:
    """The standard deviation of R, G and B as a tuple.

    Args:
        std: Three numbers above 0 and at most 1.
        name: Its name in the error message.

    Raises:
        ValueError: The values are something else.
    """
    return _three_numbers(std, name, "above 0 and at most 1", lambda value: 0 < value <= 1)


def _three_numbers(given, name, allowed, is_allowed):
    try:
        values = tuple(float(value) for value in given)
    except (TypeError, ValueError):
        values = ()
    if len(values) == 3 and all(map(is_allowed, values)):
        return values
    scaled = tuple(round(value / 255, 4) for value in values if 0 <= value <= 255)
    like_pixels = len(scaled) == len(values) == 3 and max(values) > 1
    hint = f" They look like values of 0 ... 255: divide them by 255, which gives {scaled}." if like_pixels else ""
    raise ValueError(f"{name}={given!r} must be three numbers {allowed}, for R, G and B of images in 0 ... 1.{hint}")


def _stack(images):
    # PackSample stores images as (H, W, 3) in memory: stacked in that order, the batch is channels-last without a copy.
    return torch.stack([image.permute(1, 2, 0) for image in images]).permute(0, 3, 1, 2)
