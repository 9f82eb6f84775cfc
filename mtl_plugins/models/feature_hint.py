from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mtl_plugins.registry import MODELS


@MODELS.register_module()
class FeatureHint(nn.Module):
    """Features brought near to a teacher's, Romero et al., FitNets, ICLR 2015: 1x1 convolution, mean squared error.

    Args:
        in_channels, in_strides: Of the student's features (the model hands them in).
        teacher_channels: Channels of the teacher's features.
        loss_weight: Multiplies the loss.
    """

    def __init__(
        self, in_channels: Sequence[int], in_strides: Sequence[int], teacher_channels: int, loss_weight: float = 1.0
    ):
        super().__init__()
        self.adapt = nn.Conv2d(in_channels[0], teacher_channels, 1)
        self.loss_weight = loss_weight

    def forward(self, features: Sequence[Tensor], hints: Sequence[Tensor | None]) -> Tensor:
        """The loss over the samples that have a hint (C, h, w); with none it is 0, and every weight takes part."""
        chosen = [i for i, hint in enumerate(hints) if hint is not None]
        found = self.adapt(features[0][chosen]).float()
        if not chosen:
            return found.sum() + 0.0 * sum(parameter.sum() for parameter in self.parameters())
        wanted = torch.stack([hints[i] for i in chosen]).to(found)
        if wanted.shape[1] != found.shape[1]:
            raise ValueError(
                f"the teacher's features have {wanted.shape[1]} channels, the hint was built for {found.shape[1]}: "
                f"model.hint.teacher_channels={wanted.shape[1]}."
            )
        if wanted.shape[-2:] != found.shape[-2:]:
            found = F.interpolate(found, wanted.shape[-2:], mode="bilinear", align_corners=False)
        return self.loss_weight * F.mse_loss(found, wanted) * len(chosen) / len(hints)
