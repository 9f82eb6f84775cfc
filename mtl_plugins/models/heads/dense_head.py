import functools
from collections.abc import Sequence

import torch.nn.functional as F
from mmengine.model import BaseModule
from torch import Tensor, nn

from mtl_plugins.kernels import NarrowConv2d, scaled_conv
from mtl_plugins.kinds import find_kind
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
        super().__init__(init_cfg)
        self.dataset_weights = dict(dataset_weights or {})
        width = in_channels[0]
        self.stride = in_strides[0]
        self.out_channels = out_channels
        self.pre = nn.Conv2d(width, width, 1, groups=width, bias=False)
        self.out = NarrowConv2d(width, out_channels)
        init_decoder_conv(self.pre)
        init_decoder_conv(self.out)
        self.losses, self.soft_losses = _build_losses(loss), _build_losses(soft_loss)

    def forward(self, features: Sequence[Tensor]) -> Tensor:
        """Raw output (N, out_channels, H / stride, W / stride) from the neck's features."""
        return scaled_conv(features[0], self.pre, self.out)

    @property
    def datasets(self) -> tuple[str, ...]:
        """Names of the datasets that ``select`` tells apart; empty: their images are all treated alike."""
        return ()

    def select(self, outputs: Tensor, dataset: str | None) -> Tensor:
        """The raw output that is meant for images of ``dataset``: what ``loss`` and ``predict`` are then given."""
        return outputs

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

    def soft_loss(self, outputs: Tensor, targets: Tensor) -> dict[str, Tensor]:
        """Losses by name against a teacher's (N, C, h', w'): log-probabilities, or what ``scores`` gives."""
        if not self.soft_losses:
            raise ValueError(
                "a teacher gives soft targets, but this head has no soft_loss: add one to the head, such as "
                "soft_loss=dict(type='KLDivergenceLoss', temperature=2.0), or set soft=False at the teacher's task."
            )
        if outputs.shape[-2:] != targets.shape[-2:]:
            targets = F.interpolate(targets, outputs.shape[-2:], mode="bilinear", align_corners=False)
        return {f"loss_soft_{loss.name}": loss(outputs, targets) for loss in self.soft_losses}

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

    @staticmethod
    def resize(outputs: Tensor, size: Sequence[int], mode: str = "bicubic") -> Tensor:
        if tuple(outputs.shape[-2:]) == tuple(size):
            return outputs
        return F.interpolate(outputs, tuple(size), mode=mode, align_corners=False)


def _build_losses(configs):
    losses = nn.ModuleList(MODELS.build(config) for config in ([configs] if isinstance(configs, dict) else configs))
    names = [loss.name for loss in losses]
    if len(set(names)) < len(names):
        raise ValueError(f"two losses of one head share a name: {names}. Tell them apart with name='...'.")
    return losses
