import torch.nn.functional as F
from torch import Tensor

from mtl_plugins.registry import MODELS

from .dense_head import DenseHead


@MODELS.register_module()
class NormalsHead(DenseHead):
    """Surface normals: a linear output (N, 3, h, w); the prediction is scaled to unit length.

    Camera frame: x right, y down, z forward; a surface that faces the camera has z < 0.
    """

    def __init__(self, *args, loss=dict(type="CosineLoss"), **kwargs):  # noqa: B006
        super().__init__(*args, out_channels=3, loss=loss, **kwargs)

    def predict(self, outputs: Tensor, size: tuple[int, int]) -> Tensor:
        return F.normalize(super().predict(outputs, size), dim=1)
