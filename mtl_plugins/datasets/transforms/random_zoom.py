import torch
from torchvision.transforms import v2

from mtl_plugins.registry import TRANSFORMS
from mtl_plugins.structures import zoom


@TRANSFORMS.register_module()
class RandomZoom(v2.Transform):
    """Zoom image and labels by a random factor: depth / factor, normals corrected; see
    `mtl_plugins.structures.zoom`.

    The size changes with it: let `RandomCrop` follow.

    Args:
        scale (tuple): (least, largest) factor, drawn uniformly.
        p (float): probability.
    """

    def __init__(self, scale=(0.8, 2.0), p=0.5):
        super().__init__()
        low, high = scale
        if not (0 < low <= high and 0 <= p <= 1):
            raise ValueError(f"RandomZoom wants 0 < scale[0] <= scale[1] and 0 <= p <= 1, got scale={scale}, p={p}.")
        self.scale, self.p = (low, high), p

    def make_params(self, flat_inputs):
        chance, place = torch.rand(2).tolist()
        low, high = self.scale
        return dict(factor=low + place * (high - low) if chance < self.p else 1.0)

    def transform(self, inpt, params):
        return inpt if params["factor"] == 1 else zoom(inpt, params["factor"])
