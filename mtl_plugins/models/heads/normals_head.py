from torch import Tensor

from mtl_plugins.functional.scores import mirrored_scores
from mtl_plugins.functional.unit_vectors import unit_vectors
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
        return unit_vectors(super().predict(outputs, size))

    def answer(self, scores: Tensor) -> Tensor:
        return unit_vectors(scores)

    def undo_mirror(self, scores: Tensor) -> Tensor:
        return mirrored_scores(scores, "normals")

    def undo_zoom(self, scores: Tensor, factor: float) -> Tensor:
        return unit_vectors(scores * scores.new_tensor([1, 1, 1 / factor]).view(3, 1, 1))
