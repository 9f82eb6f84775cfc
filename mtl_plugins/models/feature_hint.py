from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mtl_plugins.registry import MODELS


@MODELS.register_module()
class FeatureHint(nn.Module):
    """Hint loss between the features of student and teacher (Romero et al., FitNets, ICLR 2015).

    A 1x1 convolution maps the student's finest features to the teacher's channels; the loss is the mean squared error.

    Args:
        in_channels: Channels of the student's features, finest first (set by the model).
        in_strides: Strides of the student's features (set by the model).
        teacher_channels: Channels of the teacher's features.
        loss_weight: Factor of the loss.
    """

    def __init__(
        self, in_channels: Sequence[int], in_strides: Sequence[int], teacher_channels: int, loss_weight: float = 1.0
    ):
        super().__init__()
        self.adapt = nn.Conv2d(in_channels[0], teacher_channels, 1)
        self.loss_weight = loss_weight

    def forward(self, features: Sequence[Tensor], hints: Sequence[Tensor | None]) -> Tensor:
        """The loss over the samples that have a hint. Without any it is 0, with every weight in the graph.

        Args:
            features: The student's features (N, C, H, W), finest first.
            hints: The teacher's features (C', h, w) of each sample, or None.

        Raises:
            ValueError: The hints do not have `teacher_channels` channels.
        """
        chosen = [i for i, hint in enumerate(hints) if hint is not None]
        found = self.adapt(features[0][chosen]).float()
        if not chosen:
            return found.sum() + 0.0 * sum(parameter.sum() for parameter in self.parameters())
        wanted = torch.stack([hint for hint in hints if hint is not None]).to(found)
        if wanted.shape[1] != found.shape[1]:
            raise ValueError(
                f"the teacher's features have {wanted.shape[1]} channels, but the hint was built for {found.shape[1]}: "
                f"set model.hint.teacher_channels={wanted.shape[1]}."
            )
        if wanted.shape[-2:] != found.shape[-2:]:
            found = F.interpolate(found, wanted.shape[-2:], mode="bilinear", align_corners=False)
        return self.loss_weight * F.mse_loss(found, wanted) * len(chosen) / len(hints)
