from collections.abc import Sequence
from typing import Any

from mtl_plugins.registry import MODELS

from .dense_head import DenseHead


@MODELS.register_module()
class EdgeHead(DenseHead):
    """Edges: one logit (N, 1, h, w). The prediction is a probability (N, 1, H, W).

    Args:
        in_channels: As for `DenseHead`.
        in_strides: As for `DenseHead`.
        loss: As for `DenseHead`.
        **kwargs: As for `DenseHead`.
    """

    kind = "probability"

    def __init__(
        self,
        in_channels: Sequence[int],
        in_strides: Sequence[int],
        *,
        loss: dict | Sequence[dict] = dict(type="BalancedBCELoss"),  # noqa: B006
        **kwargs: Any,
    ):
        super().__init__(in_channels, in_strides, out_channels=1, loss=loss, **kwargs)
