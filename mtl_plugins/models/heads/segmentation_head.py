import torch
from torch import Tensor

from mtl_plugins.registry import MODELS

from .dense_head import DenseHead


@MODELS.register_module()
class SegmentationHead(DenseHead):
    """One class a pixel: logits (N, num_classes, h, w); the prediction is the class id (N, 1, H, W)."""

    def __init__(self, *args, num_classes: int, loss=dict(type="CrossEntropyLoss"), **kwargs):  # noqa: B006
        super().__init__(*args, out_channels=num_classes, loss=loss, **kwargs)

    @property
    def num_classes(self):
        return self.out_channels

    def predict(self, outputs: Tensor, size: tuple[int, int]) -> Tensor:
        classes = super().predict(outputs, size).argmax(dim=1, keepdim=True)
        return classes.to(torch.uint8) if self.out_channels <= 255 else classes
