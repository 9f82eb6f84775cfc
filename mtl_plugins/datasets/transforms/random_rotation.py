from typing import Any

from torchvision.transforms import v2
from torchvision.transforms.v2 import functional as F

from mtl_plugins.registry import TRANSFORMS

from .draw_value import draw_value
from .padding_fill import IMAGE_MEAN, padding_fill


@TRANSFORMS.register_module()
class RandomRotation(v2.Transform):
    """Roll the camera: rotate image and labels about the image centre by a random angle; normals rotate too.

    Corners are filled as in `RandomCrop`.

    Args:
        degrees: The angle is drawn from (-degrees, degrees), or from a given (low, high).
        p: Probability.
        fill: RGB, 0…255.
    """

    def __init__(
        self,
        degrees: float | tuple[float, float],
        p: float = 0.5,
        fill: tuple[float, float, float] = IMAGE_MEAN,
    ):
        super().__init__()
        low, high = (-degrees, degrees) if isinstance(degrees, (int, float)) else degrees
        if not (low <= high and 0 <= p <= 1):
            raise ValueError(
                f"RandomRotation: degrees must be >= 0 or (low, high), and 0 <= p <= 1, but got {degrees=}, {p=}."
            )
        self.degrees, self.p, self.fill = (low, high), p, tuple(fill)

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        return dict(angle=draw_value(*self.degrees, self.p, otherwise=0.0))

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        if params["angle"] == 0:
            return inpt
        # masks and maps always use the nearest pixel, whatever the interpolation here
        fill = padding_fill(inpt, self.fill)
        return F.rotate(inpt, params["angle"], interpolation=v2.InterpolationMode.BILINEAR, fill=fill)
