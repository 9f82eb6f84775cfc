import functools
from collections.abc import Sequence
from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn

from mtl_plugins.kernels import NarrowConv2d, scaled_conv
from mtl_plugins.kinds import find_kind
from mtl_plugins.registry import MODELS

from ..decoder_init import init_decoder_conv
from .task_head import TaskHead


@MODELS.register_module()
class DenseHead(TaskHead):
    """HydraNet's task head, and the base of all: depthwise 1x1, ReLU6, 3x3 with bias (arXiv 1809.04766).

    A head of your own overrides what differs: ``forward(features)``, ``loss(outputs, targets)`` or
    ``predict(outputs, size)``.

    Args:
        in_channels: Channels of the features that the neck gives, finest first (the model hands them in).
        in_strides: Their strides.
        out_channels: Channels of the raw output.
        loss: One loss config or a list of them; the weighted losses are summed.
        soft_loss: One loss config or a list of them against a teacher's raw output (``KLDivergenceLoss``, ``L1Loss``),
            for the samples that have one.
        dataset_weights: ``{dataset: factor}`` of the loss of a dataset's images (``MultiDataset``); 1 for others.
    """

    #: What the outputs mean, a name in `mtl_plugins.kinds`: how they are activated, averaged, stored and painted
    kind: str = "numbers"

    def __init__(
        self,
        in_channels: Sequence[int],
        in_strides: Sequence[int],
        out_channels: int,
        loss: dict | Sequence[dict] = (),
        soft_loss: dict | Sequence[dict] = (),
        dataset_weights: dict[str, float] | None = None,
        init_cfg=None,
    ):
        super().__init__(loss, soft_loss, dataset_weights, init_cfg)
        width = in_channels[0]
        self.stride = in_strides[0]
        self.out_channels = out_channels
        self.pre = nn.Conv2d(width, width, 1, groups=width, bias=False)
        self.out = NarrowConv2d(width, out_channels)
        init_decoder_conv(self.pre)
        init_decoder_conv(self.out)

    def forward(self, features: Sequence[Tensor]) -> Tensor:
        """Raw output (N, out_channels, H / stride, W / stride) from the neck's features."""
        return scaled_conv(features[0], self.pre, self.out)

    def loss(self, outputs: Tensor, targets: Tensor) -> dict[str, Tensor]:
        """Losses by name, ``{'loss_<name>': scalar}``.

        Args:
            outputs: (N, C, h, w), raw, of the samples that have this label.
            targets: (N, K, H, W), their labels at image size.
        """
        outputs = outputs.float()
        resized = functools.cache(lambda: self.resize(outputs, targets.shape[-2:], "bilinear"))
        usual = type(self).resize is DenseHead.resize  # losses that resize by themselves do it so
        return {
            f"loss_{loss.name}": loss(outputs, targets, resize=True)
            if usual and getattr(loss, "resizes", False)
            else loss(resized(), targets)
            for loss in self.losses
        }

    def predict(self, outputs: Tensor, size: tuple[int, int]) -> Tensor:
        """The prediction at image size, (N, K, H, W)."""
        return find_kind(self.kind).to_prediction(self.resize(outputs.float(), size))

    # For averaging over views of an image (test-time augmentation, teachers). A head whose predictions cannot be
    # averaged, such as class ids, overrides `scores`.

    def scores(self, outputs: Tensor, size: tuple[int, int]) -> Tensor:
        """What is averaged over views, (N, K, H, W), floating point."""
        return self.predict(outputs, size)

    def answer(self, scores: Tensor) -> Tensor:
        """Convert averaged scores to a prediction."""
        return find_kind(self.kind).from_scores(scores)

    def undo_mirror(self, scores: Tensor) -> Tensor:
        """Convert scores of the mirrored image to scores of the image."""
        return find_kind(self.kind).undo_mirror(scores)

    def undo_zoom(self, scores: Tensor, factor: float) -> Tensor:
        """Convert scores of the image enlarged by `factor`, already resized back, to scores of the image."""
        return find_kind(self.kind).undo_zoom(scores, factor)

    def resize_prediction(self, prediction: Any, before: tuple[int, int], after: tuple[int, int]) -> Any:
        is_map = isinstance(prediction, Tensor) and prediction.is_floating_point()
        if is_map and tuple(before) != tuple(after):
            return self.answer(self.resize(prediction, after, "bilinear"))
        return super().resize_prediction(prediction, before, after)

    @staticmethod
    def resize(outputs: Tensor, size: Sequence[int], mode: str = "bicubic") -> Tensor:
        if tuple(outputs.shape[-2:]) == tuple(size):
            return outputs
        return F.interpolate(outputs, tuple(size), mode=mode, align_corners=False)
