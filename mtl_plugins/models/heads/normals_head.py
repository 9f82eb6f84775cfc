from collections.abc import Sequence
from typing import Any

from mtl_plugins.registry import MODELS

from .dense_head import DenseHead


@MODELS.register_module()
class NormalsHead(DenseHead):
    """Surface normals: a linear output (N, 3, h, w). The prediction is scaled to unit length.

    Camera frame: x right, y down, z forward. A surface that faces the camera has z < 0.

    Args:
        in_channels: As for `DenseHead`.
        in_strides: As for `DenseHead`.
        loss: As for `DenseHead`.
        **kwargs: As for `DenseHead`.
    """

    kind = "unit_vectors"

    def __init__(
        self,
        in_channels: Sequence[int],
        in_strides: Sequence[int],
        *,
        loss: dict | Sequence[dict] = dict(type="CosineLoss"),  # noqa: B006
        **kwargs: Any,
    ):
        super().__init__(in_channels, in_strides, out_channels=3, loss=loss, **kwargs)
