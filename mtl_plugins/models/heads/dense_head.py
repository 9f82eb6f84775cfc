import functools
from collections.abc import Sequence
from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn

from mtl_plugins.kernels import NarrowConv2d, scaled_conv
from mtl_plugins.kinds import find_kind
from mtl_plugins.registry import MODELS

from ..decoder_init import init_decoder_conv
from .check_index import check_index
from .task_head import TaskHead


@MODELS.register_module()
class DenseHead(TaskHead):
    """HydraNet's task head, and the base of all heads for dense maps (arXiv 1809.04766).

    Depthwise 1x1 convolution, ReLU6, 3x3 convolution with bias. With a `decoder`, the head is this decoder and a 1x1
    convolution with bias. A custom head overrides what differs: `forward`, `loss` or `predict`.

    Args:
        in_channels: Channels of the neck's features, finest first (set by the model).
        in_strides: Strides of the neck's features (set by the model).
        out_channels: Channels of the raw output.
        decoder: Config of a neck that only this head uses (`ASPP`, `ConcatFeatures`, `SMPDecoder`, ...). The head reads
            its first output.
        in_index: Index of the feature that the head reads; -1 is the coarsest. By default the head reads the finest
            feature, and a decoder reads all features.
        loss: One loss config or a list of them. The weighted losses are summed.
        soft_loss: One loss config or a list of them that compare the raw output with a teacher's
            (`KLDivergenceLoss`, `L1Loss`), for samples that have one.
        dataset_weights: Factor of the loss by dataset name (`MultiDataset`); 1 for other datasets.
        init_cfg: As in mmengine's `BaseModule`.

    Attributes:
        decoder: The decoder, or None.
        width: Channels of the map that `read` returns.
        stride: Its stride.

    Raises:
        ValueError: The neck has no feature `in_index`.
    """

    def __init__(
        self,
        in_channels: Sequence[int],
        in_strides: Sequence[int],
        out_channels: int,
        loss: dict | Sequence[dict] = (),
        soft_loss: dict | Sequence[dict] = (),
        dataset_weights: dict[str, float] | None = None,
        init_cfg: dict | None = None,
        decoder: dict | None = None,
        in_index: int | None = None,
    ):
        super().__init__(loss, soft_loss, dataset_weights, init_cfg)
        self.in_index = in_index
        if in_index is not None:
            check_index(type(self).__name__, in_index, in_channels, in_strides)
            in_channels, in_strides = [in_channels[in_index]], [in_strides[in_index]]
        self.decoder: Any = None
        if decoder is not None:
            self.decoder = MODELS.build({"in_channels": in_channels, "in_strides": in_strides, **decoder})
            in_channels, in_strides = self.decoder.out_channels, self.decoder.out_strides
        self.width, self.stride = in_channels[0], in_strides[0]
        self.out_channels = out_channels
        self.pre: Any = None
        self.out: Any = None
        if self.decoder is None:
            self.pre = nn.Conv2d(self.width, self.width, 1, groups=self.width, bias=False)
            self.out = NarrowConv2d(self.width, out_channels)
            init_decoder_conv(self.pre)
        else:
            self.out = nn.Conv2d(self.width, out_channels, 1)
        init_decoder_conv(self.out)

    def read(self, features: Sequence[Tensor]) -> Tensor:
        """The map (N, width, H / stride, W / stride) that the last layers read: of the neck, or of the decoder."""
        if self.in_index is not None:
            features = [features[self.in_index]]
        return features[0] if self.decoder is None else self.decoder(features)[0]

    def forward(self, features: Sequence[Tensor]) -> Tensor:
        """Raw output (N, out_channels, H / stride, W / stride) from the neck's features."""
        x = self.read(features)
        return self.out(x) if self.decoder is not None else scaled_conv(x, self.pre, self.out)

    def loss(self, outputs: Tensor, targets: Tensor) -> dict[str, Tensor]:
        """Losses by name (`{'loss_<name>': scalar}`).

        Args:
            outputs: Raw output (N, C, h, w) of the samples that have this label.
            targets: Their labels (N, K, H, W) at image size.
        """
        outputs = outputs.float()
        resized = functools.cache(lambda: self.resize(outputs, targets.shape[-2:], "bilinear"))
        standard = type(self).resize is DenseHead.resize  # losses with their own resizing do the same
        return {
            f"loss_{loss.name}": loss(outputs, targets, resize=True)
            if standard and getattr(loss, "resizes", False)
            else loss(resized(), targets)
            for loss in self.losses
        }

    def predict(self, outputs: Tensor, size: tuple[int, int]) -> Tensor:
        """The prediction at image size, (N, K, H, W)."""
        return find_kind(self.kind).to_prediction(self.resize(outputs.float(), size))

    def scores(self, outputs: Tensor, size: tuple[int, int]) -> Tensor:
        """Scores at image size, (N, K, H, W). A head whose predictions cannot be averaged overrides this method."""
        return self.predict(outputs, size)

    def resize_prediction(self, prediction: Any, before: tuple[int, int], after: tuple[int, int]) -> Any:
        is_map = isinstance(prediction, Tensor) and prediction.is_floating_point()
        if is_map and tuple(before) != tuple(after):
            return self.from_scores(self.resize(prediction, after, "bilinear"))
        return super().resize_prediction(prediction, before, after)

    @staticmethod
    def resize(outputs: Tensor, size: Sequence[int], mode: str = "bicubic") -> Tensor:
        """Resize maps (N, C, h, w) to `size`."""
        if tuple(outputs.shape[-2:]) == tuple(size):
            return outputs
        return F.interpolate(outputs, tuple(size), mode=mode, align_corners=False)
