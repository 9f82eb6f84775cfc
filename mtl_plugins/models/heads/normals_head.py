from mtl_plugins.registry import MODELS

from .dense_head import DenseHead


@MODELS.register_module()
class NormalsHead(DenseHead):
    """Surface normals: a linear output (N, 3, h, w); the prediction is scaled to unit length.

    Camera frame: x right, y down, z forward; a surface that faces the camera has z < 0.
    """

    kind = "unit_vectors"

    def __init__(self, *args, loss=dict(type="CosineLoss"), **kwargs):  # noqa: B006
        super().__init__(*args, out_channels=3, loss=loss, **kwargs)
