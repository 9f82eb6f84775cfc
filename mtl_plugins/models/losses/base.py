from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

_COMPUTING = {"compute_resizing", "compute", "forward"}


class DenseLoss(nn.Module, ABC):
    """Base class of the losses: `loss(prediction, target)` is `loss_weight` times a mean over the valid pixels.

    The prediction (N, C, H, W) is a head's raw output at the target's size. It is converted to at least float32, also
    under autocast. If no pixel is valid, or N is 0, the loss is exactly 0 with zero gradients.

    A subclass sets the default `name` and implements `compute`. It may also implement
    `compute_resizing(prediction, target)` for a prediction (N, C, h, w) that it resizes itself (bilinear,
    `align_corners=False`), if that is cheaper than a resized copy. A head then calls
    `loss(prediction, target, resize=True)`.

    Args:
        loss_weight: Factor of the loss.
        name: Name in the log (`loss_<name>`), needed if a head has two losses of one class.
    """

    name: str
    compute_resizing: Callable[..., Tensor] | None = None

    def __init__(self, loss_weight: float = 1.0, name: str | None = None):
        super().__init__()
        self.loss_weight = loss_weight
        if name is not None:
            self.name = name

    def forward(self, prediction: Tensor, target: Tensor, resize: bool = False) -> Tensor:
        """The loss, a scalar.

        Args:
            prediction: Raw output (N, C, H, W).
            target: Labels (N, K, H, W).
            resize: Whether the prediction still has its own size, which is only allowed if `resizes` is True.
        """
        compute: Any = self.compute_resizing if resize else self.compute
        dtype = torch.promote_types(prediction.dtype, torch.float32)
        with torch.autocast(prediction.device.type, enabled=False):
            return self.loss_weight * compute(prediction.to(dtype), target)

    @abstractmethod
    def compute(self, prediction: Tensor, target: Tensor) -> Tensor:
        """The loss without `loss_weight`; the prediction is at least float32."""

    @property
    def resizes(self) -> bool:
        """Whether `resize=True` is allowed. False if a subclass or this instance overrides the computation."""
        latest = next(vars(kind) for kind in type(self).__mro__ if vars(kind).keys() & _COMPUTING)
        return latest.get("compute_resizing") is not None and not vars(self).keys() & {"compute", "forward"}

    def extra_repr(self) -> str:
        return f"name={self.name!r}, loss_weight={self.loss_weight}"
