import math
from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mtl_plugins.kinds import find_kind
from mtl_plugins.registry import MODELS

from .dense_head import DenseHead


@MODELS.register_module()
class FixedCameraDepthHead(DenseHead):
    """Metric depth of a camera that is mounted at a fixed height and angle, such as that of a car or a robot.

    For such a camera, the place in the image says much about depth: the road in the lowest row is always equally far
    away. The head knows the typical depth of each place, and the network only predicts how the scene differs from it:
    depth = typical depth · exp(output). A network that is trained on few scenes generalises much better this way,
    because it starts from an output of 0, that is from the typical depth.

    `TypicalDepthHook` measures the typical depth on the training set before the first step. It is part of checkpoints.

    The images of training and test must show the same part of the camera's view: use no crop, zoom or rotation.
    Mirroring is possible.

    Args:
        in_channels: As for `DenseHead`.
        in_strides: As for `DenseHead`.
        grid: Rows and columns of the grid of typical depths, which is interpolated bilinearly.
        start: Metres that the grid contains before it is measured.
        max_depth: Metres; the largest depth that is predicted.
        loss: As for `DenseHead`.
        **kwargs: As for `DenseHead`.

    Attributes:
        typical: The logarithm of the typical depth in metres, (1, 1, rows, columns).

    Raises:
        ValueError: The grid has no row or column, or `start` is not between 0 and `max_depth`.
    """

    kind = "metric_depth"
    typical: Tensor

    def __init__(
        self,
        in_channels: Sequence[int],
        in_strides: Sequence[int],
        *,
        grid: tuple[int, int] = (24, 10),
        start: float = 12.0,
        max_depth: float = 100.0,
        loss: dict | Sequence[dict] = dict(type="InverseHuberLoss"),  # noqa: B006
        **kwargs: Any,
    ):
        super().__init__(in_channels, in_strides, out_channels=1, loss=loss, **kwargs)
        if len(grid) != 2 or min(grid) < 1 or not 0 < start < max_depth:
            raise ValueError(
                "FixedCameraDepthHead needs a grid of at least (1, 1) and 0 < start < max_depth, but got "
                f"{grid=}, {start=}, {max_depth=}."
            )
        self.register_buffer("typical", torch.full((1, 1, *grid), math.log(start)))
        self.max_depth = max_depth
        nn.init.zeros_(self.out.weight)

    def set_typical(self, metres: Tensor) -> None:
        """Set the typical depth, (rows, columns) in metres; all above 0."""
        self.typical.copy_(metres.log().view_as(self.typical))

    def to_metres(self, outputs: Tensor) -> Tensor:
        """Depth in metres from outputs (N, 1, H, W) of any size that cover the complete image."""
        typical = F.interpolate(self.typical.float(), outputs.shape[-2:], mode="bilinear", align_corners=False)
        return (typical + outputs.float()).clamp(max=math.log(self.max_depth)).exp()

    def loss(self, outputs: Tensor, targets: Tensor) -> dict[str, Tensor]:
        resized = self.resize(outputs.float(), targets.shape[-2:], "bilinear")
        return super().loss(self.to_metres(resized), targets)

    def predict(self, outputs: Tensor, size: tuple[int, int]) -> Tensor:
        return find_kind(self.kind).to_prediction(self.to_metres(self.resize(outputs.float(), size)))
