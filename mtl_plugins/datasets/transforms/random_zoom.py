from typing import Any

from torchvision.transforms import v2

from mtl_plugins.registry import TRANSFORMS
from mtl_plugins.structures import zoom

from .draw_value import draw_value


@TRANSFORMS.register_module()
class RandomZoom(v2.Transform):
    """Zoom image and labels by a random factor: depth is divided by it, normals are corrected.

    See `mtl_plugins.structures.zoom`. The image size changes with the factor: use `RandomCrop` afterwards.

    Args:
        scale: (smallest, largest) factor, drawn uniformly.
        p: Probability.
    """

    def __init__(self, scale: tuple[float, float] = (0.8, 2.0), p: float = 0.5):
        super().__init__()
        low, high = scale
        if not (0 < low <= high and 0 <= p <= 1):
            raise ValueError(
                f"RandomZoom: 0 < scale[0] <= scale[1] and 0 <= p <= 1 are required, but got {scale=}, {p=}."
            )
        self.scale, self.p = (low, high), p

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        return dict(factor=draw_value(*self.scale, self.p, otherwise=1.0))

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        return inpt if params["factor"] == 1 else zoom(inpt, params["factor"])
