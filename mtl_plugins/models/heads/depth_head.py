from torch import Tensor

from mtl_plugins.registry import MODELS

from .dense_head import DenseHead


@MODELS.register_module()
class DepthHead(DenseHead):
    """Metric depth: a linear output in metres (N, 1, h, w); the prediction is its absolute value, as the authors'."""

    def __init__(self, *args, loss=dict(type="InverseHuberLoss"), **kwargs):  # noqa: B006
        super().__init__(*args, out_channels=1, loss=loss, **kwargs)

    def predict(self, outputs: Tensor, size: tuple[int, int]) -> Tensor:
        return super().predict(outputs, size).abs()
