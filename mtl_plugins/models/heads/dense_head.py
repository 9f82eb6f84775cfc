from collections.abc import Sequence

import torch.nn.functional as F
from mmengine.model import BaseModule
from torch import Tensor, nn

from mtl_plugins.registry import MODELS

from ..init import init_decoder_conv


@MODELS.register_module()
class DenseHead(BaseModule):
    """HydraNet's task head, and the base of all: depthwise 1x1, ReLU6, 3x3 with bias (arXiv 1809.04766).

    A head of your own overrides what differs: ``forward(features)``, ``loss(outputs, targets)`` or
    ``predict(outputs, size)``.

    Args:
        in_channels: Channels of the features that the neck gives, finest first (the model hands them in).
        in_strides: Their strides.
        out_channels: Channels of the raw output.
        loss: One loss config or a list of them; the weighted losses are summed.
    """

    def __init__(
        self,
        in_channels: Sequence[int],
        in_strides: Sequence[int],
        out_channels: int,
        loss: dict | Sequence[dict] = (),
        init_cfg=None,
    ):
        super().__init__(init_cfg)
        width = in_channels[0]
        self.stride = in_strides[0]
        self.out_channels = out_channels
        self.pre = nn.Conv2d(width, width, 1, groups=width, bias=False)
        self.out = nn.Conv2d(width, out_channels, 3, padding=1)
        init_decoder_conv(self.pre)
        init_decoder_conv(self.out)
        configs = [loss] if isinstance(loss, dict) else loss
        self.losses = nn.ModuleList(MODELS.build(config) for config in configs)
        names = [loss.name for loss in self.losses]
        if len(set(names)) < len(names):
            raise ValueError(f"two losses of one head share a name: {names}. Tell them apart with name='...'.")

    def forward(self, features: Sequence[Tensor]) -> Tensor:
        """Raw output (N, out_channels, H / stride, W / stride) from the neck's features."""
        return self.out(F.relu6(self.pre(features[0])))

    def loss(self, outputs: Tensor, targets: Tensor) -> dict[str, Tensor]:
        """Losses by name, ``{'loss_<name>': scalar}``.

        Args:
            outputs: (N, C, h, w), raw, of the samples that have this label.
            targets: (N, K, H, W), their labels at image size.
        """
        outputs = self.resize(outputs.float(), targets.shape[-2:], "bilinear")
        return {f"loss_{loss.name}": loss(outputs, targets) for loss in self.losses}

    def predict(self, outputs: Tensor, size: tuple[int, int]) -> Tensor:
        """The answer at image size, (N, K, H, W), from the raw output."""
        return self.resize(outputs.float(), size)

    @staticmethod
    def resize(outputs: Tensor, size: Sequence[int], mode: str = "bicubic") -> Tensor:
        if tuple(outputs.shape[-2:]) == tuple(size):
            return outputs
        return F.interpolate(outputs, tuple(size), mode=mode, align_corners=False)
