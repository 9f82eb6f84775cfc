from abc import ABC, abstractmethod

import torch
from torch import nn

_COMPUTING = {"compute_resizing", "compute", "forward"}


class DenseLoss(nn.Module, ABC):
    """A loss: ``loss(prediction, target)`` is a scalar, ``loss_weight`` times a mean over the valid pixels.

    ``prediction`` (N, C, H, W) is a head's raw output at the target's size; it is taken at float32 or better,
    under autocast too. Where no pixel is valid, or N is 0, the loss is exactly 0 with zero gradients. A
    subclass sets the default ``name`` and writes :meth:`compute`. It may write ``compute_resizing(prediction, target)``
    too, for a prediction (N, C, h, w) that it brings to the target's size itself (bilinear, align_corners=False): where
    that is cheaper than a resized copy. A head then calls ``loss(prediction, target, resize=True)``.

    Args:
        loss_weight: multiplies the loss.
        name: what the log calls it (``loss_<name>``); to be given where a head has two losses of one class.
    """

    name: str
    compute_resizing = None

    def __init__(self, loss_weight=1.0, name=None):
        super().__init__()
        self.loss_weight = loss_weight
        if name is not None:
            self.name = name

    def forward(self, prediction, target, resize=False):
        compute = self.compute_resizing if resize else self.compute
        dtype = torch.promote_types(prediction.dtype, torch.float32)
        with torch.autocast(prediction.device.type, enabled=False):
            return self.loss_weight * compute(prediction.to(dtype), target)

    @abstractmethod
    def compute(self, prediction, target):
        """The loss before ``loss_weight``; ``prediction`` has float32 or better."""

    @property
    def resizes(self) -> bool:
        """Whether ``resize=True`` may be asked for: not where a class, or this loss, computes something else since."""
        latest = next(vars(kind) for kind in type(self).__mro__ if vars(kind).keys() & _COMPUTING)
        return latest.get("compute_resizing") is not None and not vars(self).keys() & {"compute", "forward"}

    def extra_repr(self):
        return f"name={self.name!r}, loss_weight={self.loss_weight}"
