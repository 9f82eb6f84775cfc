from collections.abc import Sequence

import torch
from mmengine.model import BaseDataPreprocessor
from torch import Tensor

from mtl_plugins.registry import MODELS


@MODELS.register_module()
class MultiTaskDataPreprocessor(BaseDataPreprocessor):
    """Batches, moves and normalises images.

    Images travel as uint8 and become float32 (x / 255 - mean) / std on the device. Images of different sizes are
    padded at the right and at the bottom, with the mean colour, to the largest; labels stay as they are.

    Args:
        mean, std: Of RGB in 0 ... 1; ImageNet's by default.
        channels_last: Whether the batch is laid out channels-last (faster on CPUs and tensor cores).
        non_blocking: Whether copies to the device may overlap with computing.
    """

    def __init__(
        self,
        mean: Sequence[float] = (0.485, 0.456, 0.406),
        std: Sequence[float] = (0.229, 0.224, 0.225),
        channels_last: bool = True,
        non_blocking: bool = True,
    ):
        super().__init__(non_blocking)
        self.channels_last = channels_last
        self.register_buffer("mean", 255 * torch.tensor(mean, dtype=torch.float32).view(1, -1, 1, 1), False)
        self.register_buffer("scale", 1 / (255 * torch.tensor(std, dtype=torch.float32).view(1, -1, 1, 1)), False)

    def forward(self, data: dict, training: bool = False) -> dict:
        """``dict(inputs=[uint8 (3, H, W), ...], data_samples=[...])`` to a batch: inputs (N, 3, H, W), normalised."""
        inputs = data["inputs"]
        batch = inputs if isinstance(inputs, Tensor) else _stack(self._padded(inputs))
        moved = self.cast_data({"inputs": batch, "data_samples": data.get("data_samples")})
        return {"inputs": self.normalise(moved["inputs"]), "data_samples": moved["data_samples"]}

    def normalise(self, batch: Tensor) -> Tensor:
        """uint8 (N, 3, H, W), RGB, to what the network reads."""
        layout = torch.channels_last if self.channels_last else torch.contiguous_format
        batch = batch.contiguous(memory_format=layout).to(self.mean.dtype, copy=True)  # the caller's stays as it is
        return batch.sub_(self.mean).mul_(self.scale)

    def _padded(self, images):
        height = max(image.shape[-2] for image in images)
        width = max(image.shape[-1] for image in images)
        if all(image.shape[-2:] == (height, width) for image in images):
            return images
        colour = self.mean[0].round().to(images[0])  # nearly zero, once it is normalised
        padded = []
        for image in images:
            canvas = colour.expand(3, height, width).clone()
            canvas[:, : image.shape[-2], : image.shape[-1]] = image
            padded.append(canvas)
        return padded


def _stack(images):
    # PackSample's images lie pixel by pixel in memory: stacked in that order the batch is channels-last at no cost.
    return torch.stack([image.permute(1, 2, 0) for image in images]).permute(0, 3, 1, 2)
